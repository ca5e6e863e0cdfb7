//! The control endpoints.

use super::client::{Azure, registry_id};
use onestream_emulator::Settings;
use serde_json::{Value, json};

#[tokio::test]
async fn strangers_get_nothing_and_the_secret_opens() {
    let azure = Azure::with(Settings::default()).await;
    let secret = azure.emulator.endpoint().control_secret.clone();
    let closed = azure.bare("GET", "/emulator/info", &[]).await;
    assert_eq!(closed.status, 403);
    assert!(!closed.body.to_string().contains("client_secret"));
    let open = azure
        .bare("GET", "/emulator/info", &[("x-emulator-secret", &secret)])
        .await;
    assert_eq!(open.status, 200);
    assert!(
        open.body.get("client_secret").is_none(),
        "the owner exists only with open_info"
    );
}

#[tokio::test]
async fn faults_strike_as_often_as_they_were_told() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let rules = json!([
        {"method": "GET", "path": "*/resourcegroups/g", "status": 429, "retry_after": 7, "count": 1, "after": 1},
        {"method": "PATCH", "path": "resourcegroups", "status": 503, "code": "Odd", "message": "odd"},
    ]);
    azure.control("PUT", "faults", rules).await;
    assert_eq!(azure.get(&group).await.status, 200);
    let struck = azure.get(&group).await;
    assert_eq!(
        (struck.status, struck.code()),
        (429, "SubscriptionRequestsThrottled")
    );
    assert_eq!(struck.header("retry-after"), "7");
    assert_eq!(azure.get(&group).await.status, 200);
    for _ in 0..2 {
        assert_eq!(azure.patch(&group, json!({})).await.code(), "Odd");
    }
    let wrong = azure.control("PUT", "faults", json!([{"pth": "x"}])).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn storms_strike_every_so_many_and_so_many_in_a_hundred() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let every = json!([{"status": 429, "retry_after": [2, 9], "every": 3, "after": 1, "count": 4}]);
    azure.control("PUT", "faults", every).await;
    let mut struck = Vec::new();
    for number in 1..=20 {
        let answer = azure.get(&group).await;
        if answer.status == 429 {
            let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
            assert!((2..=9).contains(&seconds), "{seconds}");
            struck.push((number, seconds));
        }
    }
    let numbers: Vec<_> = struck.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [4, 7, 10, 13]);
    assert!(struck.iter().any(|(_, seconds)| *seconds != struck[0].1));

    let mut storms = Vec::new();
    for (seed, backwards) in [(1, false), (1, true), (2, false)] {
        let rule = json!([{"method": "GET", "status": 503, "percent": 20, "seed": seed}]);
        azure.control("PUT", "faults", rule).await;
        let mut numbers: Vec<u32> = (0..200).collect();
        if backwards {
            numbers.reverse();
        }
        let mut struck = Vec::new();
        for number in numbers {
            if azure.get(&format!("{group}{number}")).await.status == 503 {
                struck.push(number);
            }
        }
        struck.sort_unstable();
        assert!((20..=60).contains(&struck.len()), "{struck:?}");
        storms.push(struck);
    }
    assert_eq!(storms[0], storms[1], "the order does not matter");
    assert_ne!(storms[0], storms[2], "the seed does");
    let wrong = json!([{"status": 500, "every": 0}]);
    assert_eq!(azure.control("PUT", "faults", wrong).await.status, 400);
}

#[tokio::test]
async fn connections_break_before_or_after_the_write() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    for (when, exists) in [("before", 404), ("after", 200)] {
        let rule = json!([{"method": "PUT", "path": "registries", "drop": when, "count": 1}]);
        azure.control("PUT", "faults", rule).await;
        let registry = format!(
            "{}?api-version=2023-07-01",
            registry_id(&group, &format!("reg{when}"))
        );
        let body = json!({"location": "eastus2", "sku": {"name": "Basic"}});
        assert!(
            azure.try_send("PUT", &registry, Some(body)).await.is_err(),
            "{when}"
        );
        assert_eq!(azure.get(&registry).await.status, exists, "{when}");
    }
}

#[tokio::test]
async fn operations_get_stuck_and_fail_on_request() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let rules = json!([
        {"path": "stuck1", "operation": "stuck", "count": 1},
        {"path": "fails1", "operation": {"failed": {"code": "Why", "message": "because"}}, "count": 1},
    ]);
    azure.control("PUT", "faults", rules).await;
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}});
    let stuck = azure
        .put(&registry_id(&group, "stuck1"), body.clone())
        .await;
    for _ in 0..5 {
        let poll = azure
            .send("GET", stuck.header("azure-asyncoperation"), None)
            .await;
        assert_eq!(poll.body["status"], "Creating");
    }
    let fails = azure.put(&registry_id(&group, "fails1"), body).await;
    let end = azure.finish(&fails).await;
    assert_eq!(
        end.body,
        json!({"status": "Failed", "error": {"code": "Why", "message": "because"}})
    );
    assert_eq!(
        azure.get(&registry_id(&group, "fails1")).await.state(),
        "Failed"
    );
    let rule = json!([{"method": "DELETE", "operation": {"failed": {"code": "ResourceGroupDeletionBlocked", "message": "no"}}}]);
    azure.control("PUT", "faults", rule).await;
    let blocked = azure.delete(&group).await;
    let end = azure.finish(&blocked).await;
    assert_eq!(
        (end.status, &end.body["Error"]["Code"]),
        (409, &json!("ResourceGroupDeletionBlocked"))
    );
    assert_eq!(azure.get(&group).await.state(), "Succeeded");
}

#[tokio::test]
async fn an_outage_is_felt_in_its_region_only() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let west = group.replace("/g", "/west");
    azure.put(&west, json!({"location": "westus2"})).await;
    azure
        .control("POST", "outage", json!({"region": "East US 2", "on": true}))
        .await;
    let tags = json!({"tags": {}});
    assert_eq!(azure.patch(&group, tags.clone()).await.status, 503);
    assert_eq!(azure.patch(&registry, tags.clone()).await.status, 503);
    assert_eq!(azure.get(&registry).await.status, 504);
    assert_eq!(azure.get(&group).await.status, 200);
    let body = json!({"location": "eastus2", "sku": {"name": "Basic"}});
    assert_eq!(
        azure.put(&registry_id(&west, "fghij"), body).await.status,
        504
    );
    assert_eq!(azure.patch(&west, tags).await.status, 200);
    azure
        .control("POST", "outage", json!({"region": "eastus2", "on": false}))
        .await;
    assert_eq!(azure.get(&registry).await.status, 200);
}

#[tokio::test]
async fn snapshots_bring_everything_back() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    azure
        .control("POST", "snapshot", json!({"name": "one"}))
        .await;
    for _ in 0..3 {
        assert_eq!(azure.delete(&registry).await.status, 200);
        assert_eq!(azure.get(&registry).await.status, 404);
        azure
            .control("POST", "restore", json!({"name": "one"}))
            .await;
        assert_eq!(azure.get(&registry).await.status, 200);
    }
    assert_eq!(
        azure
            .control("POST", "restore", json!({"name": "two"}))
            .await
            .status,
        400
    );
    azure.control("POST", "reset", Value::Null).await;
    assert_eq!(azure.get(&group).await.status, 404);
}

#[tokio::test]
async fn objects_change_behind_the_apis_back() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let object = format!("objects?id={registry}");
    let patch = json!({"location": "westus", "properties": {"adminUserEnabled": true}});
    assert_eq!(azure.control("PATCH", &object, patch).await.status, 200);
    let shown = azure.get(&registry).await;
    assert_eq!(shown.body["location"], "westus");
    assert_eq!(shown.body["properties"]["adminUserEnabled"], true);
    let all = azure
        .control(
            "GET",
            "objects?kind=microsoft.containerregistry/registries",
            Value::Null,
        )
        .await;
    assert_eq!(all.body["value"][0]["id"], registry);
    assert_eq!(
        azure.control("DELETE", &object, Value::Null).await.status,
        204
    );
    assert_eq!(azure.get(&registry).await.status, 404);
}

#[tokio::test]
async fn requests_are_remembered() {
    let azure = Azure::start().await;
    azure.control("DELETE", "requests", Value::Null).await;
    azure.group("g").await;
    azure
        .bare("GET", "/subscriptions?api-version=2022-12-01", &[])
        .await;
    let log = azure.control("GET", "requests", Value::Null).await.body;
    assert_eq!(
        (&log["total"], &log["by_method"]),
        (&json!(2), &json!({"GET": 1, "PUT": 1}))
    );
    let (put, get) = (&log["value"][0], &log["value"][1]);
    assert_eq!(
        (&put["status"], &put["authorized"]),
        (&json!(201), &json!(true))
    );
    assert_eq!(put["body_sha256"].as_str().map(str::len), Some(64));
    assert_eq!(
        (&get["status"], &get["authorized"]),
        (&json!(401), &json!(false))
    );
    let puts = azure
        .control(
            "GET",
            "requests?method=put&path=/RESOURCEGROUPS/",
            Value::Null,
        )
        .await;
    assert_eq!(puts.body["value"].as_array().map(Vec::len), Some(1));
}
