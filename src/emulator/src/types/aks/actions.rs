//! What can be done with a cluster besides writing it.

use super::errors::{refuse, unreadable};
use super::{UPDATE, power, versions};
use crate::arm::{Action, ArmError, Context, set_state, start};
use crate::kubernetes::{AZURE_SUFFIX, SUFFIX};
use crate::server::Answer;
use crate::state::{Effect, Object, Txn};
use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

type Result<T> = std::result::Result<T, ArmError>;

pub static ACTIONS: &[Action] = &[
    post("listClusterUserCredential", user_credential),
    post("listClusterAdminCredential", admin_credential),
    post("listClusterMonitoringUserCredential", monitoring_credential),
    post("stop", power::stop),
    post("start", power::begin),
    post("abort", power::abort),
    post("rotateClusterCertificates", rotate),
    post("rotateServiceAccountSigningKeys", rotate),
    post("runCommand", run_command),
    Action {
        name: "availableAgentPoolVersions",
        method: Method::GET,
        run: available_versions,
    },
];

const fn post(
    name: &'static str,
    run: fn(&Context<'_>, &mut Txn<'_>, &Object) -> Result<Answer>,
) -> Action {
    Action {
        name,
        method: Method::POST,
        run,
    }
}

fn user_credential(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer> {
    Ok(kubeconfigs("clusterUser", &user_config(cx, txn, cluster)))
}

fn admin_credential(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer> {
    local_accounts(cluster)?;
    Ok(kubeconfigs(
        "clusterAdmin",
        &local_config(cx, txn, cluster, "clusterAdmin"),
    ))
}

fn monitoring_credential(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer> {
    local_accounts(cluster)?;
    let config = local_config(cx, txn, cluster, "clusterMonitoringUser");
    Ok(kubeconfigs("clusterMonitoringUser", &config))
}

/// Without local accounts nobody gets their credentials.
pub fn local_accounts(cluster: &Object) -> Result<()> {
    if cluster.body["properties"]["disableLocalAccounts"] != json!(true) {
        return Ok(());
    }
    Err(refuse(
        400,
        "BadRequest",
        "Getting static credential is not allowed because this cluster is set to disable local accounts.",
    ))
}

fn kubeconfigs(name: &str, config: &str) -> Answer {
    let value = STANDARD.encode(config);
    Answer::json(
        200,
        json!({"kubeconfigs": [{"name": name, "value": value}]}),
    )
}

/// The user's file: a sign-in with Entra where the cluster is integrated.
pub fn user_config(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object) -> String {
    let entra = &cluster.body["properties"]["aadProfile"];
    if !entra.is_object() {
        return local_config(cx, txn, cluster, "clusterUser");
    }
    let tenant = entra["tenantID"].as_str().unwrap_or_default();
    let user = format!(
        "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n      command: kubelogin\n      args:\n      - get-token\n      - --environment\n      - AzurePublicCloud\n      - --server-id\n      - 6dae42f8-4368-4678-94ff-3960e28e3630\n      - --client-id\n      - 80faf920-1908-4b52-b5ef-a8e7bedfc67a\n      - --tenant-id\n      - {tenant}\n      - --login\n      - devicecode\n      env: null\n      provideClusterInfo: false\n"
    );
    config(cx, cluster, "clusterUser", &user)
}

/// A file with a token of the cluster's own.
pub fn local_config(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object, name: &str) -> String {
    let token = secret(txn, cluster, name);
    config(cx, cluster, name, &format!("    token: {token}\n"))
}

/// The file; it leads to the API server that is played here, which needs no authority as
/// long as this emulator is reached without TLS.
fn config(cx: &Context<'_>, cluster: &Object, account: &str, user: &str) -> String {
    let name = cluster.name();
    let group = cluster.id.split('/').nth(4).unwrap_or_default();
    let properties = &cluster.body["properties"];
    let host = properties["privateFQDN"]
        .as_str()
        .or(properties["fqdn"].as_str())
        .unwrap_or_default();
    let (scheme, own) = cx.call.origin.split_once("://").unwrap_or(("http", ""));
    let port = own
        .rsplit_once(':')
        .map_or(String::new(), |(_, port)| format!(":{port}"));
    let host = host.replace(AZURE_SUFFIX, SUFFIX);
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    server: {scheme}://{host}{port}\n  name: {name}\ncontexts:\n- context:\n    cluster: {name}\n    user: {account}_{group}_{name}\n  name: {name}\ncurrent-context: {name}\nkind: Config\npreferences: {{}}\nusers:\n- name: {account}_{group}_{name}\n  user:\n{user}"
    )
}

/// A secret of the cluster, made when it is first asked for.
fn secret(txn: &mut Txn<'_>, cluster: &Object, name: &str) -> String {
    let fact = format!("{}#secret-{name}", cluster.key());
    if let Some(known) = txn.world().fact(&fact).and_then(|fact| fact.as_str()) {
        return known.to_owned();
    }
    let fresh = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
    txn.set_fact(&fact, Some(json!(fresh)));
    fresh
}

/// New certificates, new secrets.
fn rotate(cx: &Context<'_>, txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer> {
    power::idle(txn, cluster)?;
    for fact in txn.world().facts_of(&cluster.key()) {
        if fact.contains("#secret-") {
            txn.set_fact(&fact, None);
        }
    }
    let mut changed = cluster.clone();
    set_state(&mut changed, "RotatingClusterCertificates");
    let headers = start(cx, txn, &UPDATE, &changed, "InProgress", Effect::Settle);
    let mut answer = Answer::empty(202);
    answer.headers = headers;
    Ok(answer)
}

/// Commands need a cluster that runs some; there is none behind this one.
fn run_command(cx: &Context<'_>, _txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer> {
    let sent: Value = serde_json::from_slice(&cx.call.body)
        .map_err(|error| unreadable(&refuse(400, "UnmarshalError", error.to_string())))?;
    if sent["command"].as_str().is_none_or(str::is_empty) {
        return Err(super::errors::missing("command"));
    }
    let access = &cluster.body["properties"]["apiServerAccessProfile"];
    let why = if access["disableRunCommand"] == json!(true) {
        "Run command feature is disabled on this cluster."
    } else {
        "Run command is not available on this cluster: it has no nodes that could run it."
    };
    Err(refuse(400, "OperationNotAllowed", why))
}

/// `GET …/availableAgentPoolVersions`
fn available_versions(_cx: &Context<'_>, _txn: &mut Txn<'_>, cluster: &Object) -> Result<Answer> {
    let plane = super::cluster_pools::version(cluster).runs;
    let offered: Vec<Value> = versions::all()
        .filter(|version| *version <= plane && version.minor + 3 >= plane.minor)
        .map(|version| {
            let mut shown = json!({"kubernetesVersion": version.to_string()});
            if versions::is_default(version) {
                shown["default"] = json!(true);
            }
            shown
        })
        .collect();
    Ok(Answer::json(
        200,
        json!({
            "id": format!("{}/availableagentpoolversions", super::cluster_view::printed(&cluster.id)),
            "name": "default",
            "type": "Microsoft.ContainerService/managedClusters/availableAgentpoolVersions",
            "properties": {"agentPoolVersions": offered},
        }),
    ))
}
