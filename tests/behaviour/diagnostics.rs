//! Diagnostic settings: they outlive their targets in Azure, and locks stand over them.

use onestream::kinds::KINDS;
use onestream::provision::plan::{Action, Mode};
use onestream::resource::Address;
use serde_json::json;

use crate::estate::{Estate, patch};

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

#[tokio::test]
async fn one_that_outlived_its_registry_is_written_over() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let registry = estate.id(&address("dev.registry"));
    let setting = estate.id(&address("dev.registry.diagnostics"));
    let off = patch("properties.logs", json!([]));
    estate.tamper(&setting, off).await;
    let kind = KINDS.named("registry").expect("a kind");
    estate.send(&kind.delete(&registry)).await;
    let plan = estate.plan(Mode::Apply).await;
    let actions: Vec<_> = plan
        .operations
        .iter()
        // Its private endpoint has lost its other end and is made again, too; its grants went
        // along with it.
        .filter(|operation| {
            let path = operation.address.path();
            !path.starts_with("registry.endpoint") && !path.contains("grant.")
        })
        .map(|operation| (operation.address.as_str(), operation.action))
        .collect();
    assert_eq!(
        actions,
        [
            ("dev.registry", Action::Create),
            ("dev.registry.diagnostics", Action::Create)
        ]
    );
    let outcome = estate.carry_out(plan).await;
    assert!(outcome.is_complete(), "{:#?}", outcome.ends);
    estate.is_as_declared().await;
}

#[tokio::test]
async fn one_goes_before_its_target_and_its_workspace() {
    let estate = Estate::sample().await;
    estate.apply().await;
    let plan = estate.plan(Mode::Destroy).await;
    let at = |text: &str| {
        let operations = plan.operations.iter();
        let mut indices = operations.enumerate();
        let found = indices.find(|(_, operation)| operation.address.as_str() == text);
        found.expect(text).0
    };
    let setting = at("dev.registry.diagnostics");
    for later in ["dev.registry", "dev.workspace"] {
        let edge = plan
            .edges
            .iter()
            .any(|edge| edge.before == setting && edge.after == at(later));
        assert!(edge, "{later} does not wait: {:#?}", plan.edges);
    }
}
