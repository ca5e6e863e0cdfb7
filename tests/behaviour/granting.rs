//! What AKS asks of a cluster's identities, granted right before a cluster is asked for: these
//! assignments are no kind yet.

use async_trait::async_trait;
use onestream::provision::ports::{Begun, Failure, Pending, Reader, Writer};
use onestream::remote::azure::Azure;
use onestream::resource::{Method, Request};
use serde_json::{Value as Json, json};
use uuid::Uuid;

const OPERATOR: &str = "f1a07417-d97a-45cb-824c-7a7467783830";
const NETWORK: &str = "4d97b98b-1d4f-4787-a291-c67834d212e7";

/// The client, with an owner's hand for grants.
pub struct Granting(pub Azure);

#[async_trait]
impl Reader for Granting {
    async fn get(&self, request: &Request) -> Result<Option<Json>, Failure> {
        self.0.get(request).await
    }

    async fn get_many(&self, requests: &[Request]) -> Vec<Result<Option<Json>, Failure>> {
        self.0.get_many(requests).await
    }

    async fn get_settled(
        &self,
        request: &Request,
        good: &(dyn for<'b> Fn(Option<&'b Json>) -> bool + Send + Sync),
    ) -> Result<Option<Json>, Failure> {
        self.0.get_settled(request, good).await
    }

    async fn list(
        &self,
        request: &Request,
        page: &mut (dyn FnMut(Vec<Json>) + Send),
    ) -> Result<(), Failure> {
        self.0.list(request, page).await
    }
}

#[async_trait]
impl Writer for Granting {
    async fn begin(&self, request: &Request) -> Result<Begun, Failure> {
        if request.method == Method::Put
            && request.path.contains("/managedClusters/")
            && let Some(body) = &request.body
        {
            self.grant_all(&request.path, body).await?;
        }
        self.0.begin(request).await
    }

    async fn finish(&self, pending: &Pending) -> Result<Option<Json>, Failure> {
        self.0.finish(pending).await
    }
}

impl Granting {
    /// Grants a cluster's control plane what it needs of subnets and of the nodes' identity.
    async fn grant_all(&self, cluster: &str, body: &Json) -> Result<(), Failure> {
        let identities = body["identity"]["userAssignedIdentities"].as_object();
        let Some(control) = identities.and_then(|all| all.keys().next()) else {
            return Ok(());
        };
        let read = Request::arm(Method::Get, control, "2023-01-31");
        let control = self.0.get(&read).await?.expect("the identity stands");
        let principal = control["properties"]["principalId"].as_str();
        let principal = principal.expect("a principal");
        let kubelet = &body["properties"]["identityProfile"]["kubeletidentity"]["resourceId"];
        let pools = body["properties"]["agentPoolProfiles"].as_array();
        let subnets = pools
            .into_iter()
            .flatten()
            .map(|pool| &pool["vnetSubnetID"]);
        let wanted = subnets
            .map(|subnet| (subnet, NETWORK))
            .chain([(kubelet, OPERATOR)]);
        let subscription = cluster.split('/').nth(2).unwrap_or_default();
        for (scope, role) in wanted {
            // A pool that somebody else made stands elsewhere.
            let Some(scope) = scope.as_str() else {
                continue;
            };
            let name = format!("{scope}|{role}|{principal}").to_lowercase();
            let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
            let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}");
            let role = format!(
                "/subscriptions/{subscription}/providers/Microsoft.Authorization\
                 /roleDefinitions/{role}"
            );
            let assignment = json!({"properties": {
                "roleDefinitionId": role, "principalId": principal,
                "principalType": "ServicePrincipal",
            }});
            let request = Request::arm(Method::Put, id, "2022-04-01").body(assignment);
            self.0.begin(&request).await?;
        }
        Ok(())
    }
}
