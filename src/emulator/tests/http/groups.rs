//! Resource groups, what is in them, and tags.

use super::client::Azure;
use super::directory::{READER, assignment, assignment_id, guid};
use onestream_emulator::{DEFAULT_SUBSCRIPTION as S, Settings};
use serde_json::json;

#[tokio::test]
async fn arms_own_provider_lists_groups() {
    let azure = Azure::start().await;
    let listed = azure
        .get("/subscriptions/22222222-2222-4222-8222-222222222222/providers/Microsoft.Resources")
        .await;
    let types = listed.body["resourceTypes"].as_array().expect("types");
    let groups = types
        .iter()
        .find(|kind| kind["resourceType"] == "resourceGroups")
        .expect("groups");
    let versions = groups["apiVersions"].as_array().expect("versions");
    assert!(versions.contains(&json!("2021-04-01")), "{versions:?}");
}

#[tokio::test]
async fn a_group_lives() {
    let azure = Azure::start().await;
    let group = format!("/subscriptions/{S}/resourcegroups/MyGroup");
    let body = json!({"location": "East US 2", "tags": {"a": "b"}, "managedBy": "someone"});
    let made = azure.put(&group, body).await;
    assert_eq!(made.status, 201);
    assert_eq!(
        made.body["id"],
        format!("/subscriptions/{S}/resourceGroups/MyGroup")
    );
    assert_eq!(made.body["location"], "eastus2");
    assert_eq!(
        azure
            .send("HEAD", &format!("{group}?api-version=2021-04-01"), None)
            .await
            .status,
        204
    );
    let again = azure
        .put(&group.to_uppercase(), json!({"location": "eastus2"}))
        .await;
    assert_eq!(
        (again.status, &again.body["name"]),
        (200, &json!("MyGroup"))
    );
    assert_eq!(azure.get(&group).await.body["tags"], json!({}));
    let moved = azure.put(&group, json!({"location": "westus"})).await;
    assert_eq!(
        (moved.status, moved.code()),
        (409, "InvalidResourceGroupLocation")
    );
    let patched = azure.patch(&group, json!({"tags": {"c": "d"}})).await;
    assert_eq!(
        (patched.status, &patched.body["tags"]),
        (200, &json!({"c": "d"}))
    );
    let strange = azure
        .put(&group, json!({"location": "eastus2", "sku": {}}))
        .await;
    assert_eq!(
        (strange.status, strange.code()),
        (400, "InvalidRequestContent")
    );
    let named = azure
        .put(&format!("{group}$"), json!({"location": "eastus2"}))
        .await;
    assert_eq!((named.status, named.code()), (400, "InvalidResourceGroup"));
}

#[tokio::test]
async fn deleting_a_group_takes_its_time_and_everything_in_it() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    let going = azure.delete(&group).await;
    assert_eq!(going.status, 202);
    assert!(going.header("location").contains("/operationresults/eyJ"));
    let late = azure
        .put(
            &registry,
            json!({"location": "eastus2", "sku": {"name": "Basic"}}),
        )
        .await;
    assert_eq!(
        (late.status, late.code()),
        (409, "ResourceGroupBeingDeleted")
    );
    assert_eq!(azure.finish(&going).await.status, 200);
    assert_eq!(azure.get(&group).await.code(), "ResourceGroupNotFound");
    assert_eq!(
        azure
            .send("HEAD", &format!("{group}?api-version=2021-04-01"), None)
            .await
            .status,
        404
    );
    azure.group("g").await;
    assert_eq!(azure.get(&registry).await.code(), "ResourceNotFound");
}

#[tokio::test]
async fn resources_are_found_by_tag_and_type() {
    let azure = Azure::start().await;
    let group = azure.group("g").await;
    let registry = azure.registry(&group, "abcde").await;
    azure.registry(&group, "fghij").await;
    azure
        .patch(&registry, json!({"tags": {"managed-by": "us/dev"}}))
        .await;
    let found = |query: &str| {
        let path = format!("/subscriptions/{S}/resources?$filter={query}");
        let azure = &azure;
        async move {
            let reply = azure.get(&path).await;
            assert_eq!(reply.status, 200, "{reply:?}");
            reply.body["value"].as_array().map_or(0, Vec::len)
        }
    };
    assert_eq!(
        found("tagName eq 'managed-by' and tagValue eq 'us/dev'").await,
        1
    );
    assert_eq!(
        found("tagName eq 'managed-by' and tagValue eq 'us'").await,
        0
    );
    assert_eq!(found("tagname eq 'Managed-By'").await, 1);
    assert_eq!(
        found("resourceType eq 'microsoft.containerregistry/registries'").await,
        2
    );
    let bad = azure
        .get(&format!("/subscriptions/{S}/resources?$filter=nonsense"))
        .await;
    assert_eq!(
        (bad.status, bad.code()),
        (400, "InvalidFilterInQueryString")
    );
    let tags = format!("{registry}/providers/Microsoft.Resources/tags/default");
    let merged = azure
        .patch(
            &tags,
            json!({"operation": "Merge", "properties": {"tags": {"x": "y"}}}),
        )
        .await;
    assert_eq!(
        merged.body["properties"]["tags"],
        json!({"managed-by": "us/dev", "x": "y"})
    );
    assert_eq!(azure.get(&registry).await.body["tags"]["x"], "y");
}

#[tokio::test]
async fn lists_come_in_pages() {
    let azure = Azure::with(Settings {
        open_info: true,
        page_size: Some(2),
        ..Settings::default()
    })
    .await;
    let (mut identities, mut grants) = (Vec::new(), Vec::new());
    for (number, name) in (1..).zip(["a", "b", "c", "d", "e"]) {
        let group = azure.group(name).await;
        let identity =
            format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/one");
        let made = azure.made(&identity, json!({"location": "eastus2"})).await;
        let holder = made["properties"]["principalId"].as_str().expect("one");
        let mut grant = assignment(READER, holder);
        grant["properties"]["principalType"] = json!("ServicePrincipal");
        let path = assignment_id(&group, &guid(number));
        assert_eq!(azure.put(&path, grant).await.status, 201);
        identities.push(identity);
        grants.push(path.split('?').next().expect("a path").to_owned());
    }
    let subscription = format!("/subscriptions/{S}");
    let providers = format!("{subscription}/providers");
    let groups: Vec<String> = ["a", "b", "c", "d", "e"]
        .map(|name| format!("{subscription}/resourceGroups/{name}"))
        .into();
    for (list, expected) in [
        (
            format!("{subscription}/resourcegroups?api-version=2021-04-01"),
            groups,
        ),
        (
            format!(
                "{providers}/Microsoft.ManagedIdentity/userAssignedIdentities?api-version=2023-01-31"
            ),
            identities.clone(),
        ),
        (
            format!("{subscription}/resources?api-version=2021-04-01"),
            identities,
        ),
        (
            format!("{providers}/Microsoft.Authorization/roleAssignments?api-version=2022-04-01"),
            grants,
        ),
    ] {
        let (mut found, mut next, mut pages) = (Vec::new(), list.clone(), 0);
        while !next.is_empty() {
            let page = azure.send("GET", &next, None).await;
            let value = page.body["value"].as_array().expect("a page");
            let ids = value.iter().filter_map(|item| item["id"].as_str());
            found.extend(ids.map(str::to_lowercase));
            next = page.body["nextLink"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            pages += 1;
        }
        // The deployer's own grant is on the subscription.
        found.retain(|id| id.contains("/resourcegroups/"));
        let expected: Vec<String> = expected.iter().map(|id| id.to_lowercase()).collect();
        assert_eq!((found, pages), (expected, 3), "{list}");
    }
}
