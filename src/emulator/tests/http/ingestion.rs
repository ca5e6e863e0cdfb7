//! Data collection rules, and the logs that are sent to them.

use super::client::{Azure, Reply, trusting};
use super::directory::{Tenant, guid};
use serde_json::{Value, json};

/// The role that may send to a rule.
const PUBLISHER: &str = "3913510d-42f4-4e42-8a64-420c390055eb";
const STREAM: &str = "Custom-Audit_CL";

fn body() -> Value {
    json!({
        "location": "eastus2",
        "kind": "Direct",
        "properties": {
            "streamDeclarations": {
                STREAM: {"columns": [
                    {"name": "TimeGenerated", "type": "datetime"},
                    {"name": "EntryId", "type": "string"},
                ]},
            },
            "destinations": {"logAnalytics": [{"workspaceResourceId": "/w", "name": "w"}]},
            "dataFlows": [{"streams": [STREAM], "destinations": ["w"], "outputStream": STREAM}],
        },
    })
}

/// A rule: its id, its immutable id and the host that takes its logs.
async fn rule(azure: &Azure) -> (String, String, String) {
    let group = azure.group("g").await;
    let id = format!("{group}/providers/Microsoft.Insights/dataCollectionRules/audit");
    let path = format!("{id}?api-version=2023-03-11");
    let made = azure.put(&path, body()).await;
    assert_eq!(made.status, 201, "{made:?}");
    let properties = &made.body["properties"];
    let immutable = properties["immutableId"]
        .as_str()
        .expect("a text")
        .to_owned();
    let host = properties["endpoints"]["logsIngestion"]
        .as_str()
        .expect("a text");
    let host = host.strip_prefix("https://").expect("https").to_owned();
    assert!(immutable.starts_with("dcr-") && immutable.len() == 36);
    assert!(host.ends_with("-eastus2.logs.z1.ingest.monitor.localhost"));
    let again = azure.put(&path, body()).await;
    assert_eq!(
        (again.status, &again.body["properties"]["endpoints"]),
        (200, &properties["endpoints"])
    );
    let old = format!("{id}?api-version=2022-06-01");
    assert!(azure.get(&old).await.body["properties"]["endpoints"].is_null());
    (id, immutable, host)
}

struct Sender<'a> {
    azure: &'a Azure,
    host: String,
    token: String,
}

impl Sender<'_> {
    async fn send(&self, rule: &str, stream: &str, body: Value) -> Reply {
        let path = format!("/dataCollectionRules/{rule}/streams/{stream}?api-version=2023-01-01");
        let bearer = format!("Bearer {}", self.token);
        let headers = [("host", self.host.as_str()), ("authorization", &bearer)];
        self.azure.with_body("POST", &path, &headers, body).await
    }
}

#[tokio::test]
async fn whoever_holds_the_role_sends_rows_and_nobody_else() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let (id, immutable, host) = rule(azure).await;
    let client = tenant.client("c").await;
    let token = tenant.token(&client, "https://monitor.azure.com").await;
    let sender = Sender { azure, host, token };
    let row = json!({"TimeGenerated": "2026-07-31T10:15:30Z", "EntryId": "a", "Other": 1});
    let refused = sender.send(&immutable, STREAM, json!([row])).await;
    assert_eq!((refused.status, refused.code()), (403, "OperationFailed"));
    for part in [immutable.as_str(), &id, &client.object_id] {
        assert!(refused.message().contains(part), "{}", refused.message());
    }
    tenant
        .assign(&id, &guid(1), PUBLISHER, &client.object_id)
        .await;
    let taken = sender.send(&immutable, STREAM, json!([row])).await;
    assert_eq!((taken.status, &taken.body), (204, &Value::Null));
    let unknown = sender.send("dcr-0", STREAM, json!([row])).await;
    assert_eq!((unknown.status, unknown.code()), (404, "NotFound"));
    assert_eq!(
        unknown.message(),
        "Data collection rule with immutable Id 'dcr-0' not found."
    );
    let stream = sender
        .send(&immutable, "Custom-Other_CL", json!([row]))
        .await;
    assert_eq!((stream.status, stream.code()), (400, "InvalidStream"));
    // Taken, and lost, as in Azure.
    let lone = sender.send(&immutable, STREAM, row.clone()).await;
    assert_eq!(lone.status, 204);
    let empty = sender.send(&immutable, STREAM, Value::Null).await;
    assert_eq!((empty.status, empty.code()), (500, ""));
    let large = json!(["x".repeat(1 << 20)]);
    let large = sender.send(&immutable, STREAM, large).await;
    assert_eq!(
        (large.status, large.code(), large.header("x-ms-error-code")),
        (
            413,
            "ContentLengthLimitExceeded",
            "ContentLengthLimitExceeded"
        )
    );
    let logs = format!("logs?rule={immutable}");
    let kept = azure.control("GET", &logs, Value::Null).await.body["value"].clone();
    assert_eq!(kept.as_array().unwrap().len(), 1, "{kept}");
    assert_eq!(
        (&kept[0]["stream"], &kept[0]["rows"]),
        (
            &json!(STREAM),
            &json!([{"TimeGenerated": "2026-07-31T10:15:30Z", "EntryId": "a"}])
        )
    );
    assert_eq!(
        azure
            .delete(&format!("{id}?api-version=2023-03-11"))
            .await
            .status,
        200
    );
    let gone = azure.control("GET", "logs", Value::Null).await;
    assert_eq!(gone.body["value"], json!([]));
}

#[tokio::test]
async fn a_token_for_another_api_is_refused_and_an_unknown_host_is_silent() {
    let tenant = Tenant::start().await;
    let azure = &tenant.azure;
    let (_, immutable, host) = rule(azure).await;
    let client = tenant.client("c").await;
    let token = tenant.token(&client, "https://management.azure.com").await;
    let sender = Sender { azure, host, token };
    let refused = sender.send(&immutable, STREAM, json!([])).await;
    assert_eq!((refused.status, refused.code()), (401, "InvalidAudience"));
    let url = format!(
        "{}/dataCollectionRules/{immutable}/streams/s",
        azure.emulator.origin()
    );
    let nobody = trusting(None)
        .post(url)
        .header("host", "x.ingest.monitor.localhost");
    assert!(nobody.send().await.is_err());
}

#[tokio::test]
async fn a_flow_of_no_stream_is_refused() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let id = format!("{group}/providers/Microsoft.Insights/dataCollectionRules/audit");
    let mut wrong = body();
    wrong["properties"]["dataFlows"][0]["streams"] = json!(["Audit"]);
    let refused = azure
        .put(&format!("{id}?api-version=2023-03-11"), wrong)
        .await;
    assert_eq!((refused.status, refused.code()), (400, "InvalidPayload"));
    assert_eq!(refused.body["error"]["details"][0]["code"], "InvalidStream");
}
