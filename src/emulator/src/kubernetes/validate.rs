//! What kinds want of their objects, and what they add to them.

use super::resources::{AUTOSCALERS, DEPLOYMENTS, NAMESPACES, Resource, SERVICES};
use super::status::Status;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Adds what the server adds to an object that leaves it out.
pub fn defaults(resource: &Resource, object: &mut Value) {
    let mut set = |path: &str, value: Value| {
        let (parent, member) = path.rsplit_once('/').unwrap_or(("", path));
        if let Some(members) = object.pointer_mut(parent).and_then(Value::as_object_mut) {
            members.entry(member.to_owned()).or_insert(value);
        }
    };
    if resource == &DEPLOYMENTS {
        set("/spec/replicas", json!(1));
        set("/spec/strategy", json!({}));
        set("/spec/strategy/type", json!("RollingUpdate"));
        set("/spec/revisionHistoryLimit", json!(10));
        set("/spec/progressDeadlineSeconds", json!(600));
        set("/spec/template/spec/restartPolicy", json!("Always"));
        set(
            "/spec/template/spec/terminationGracePeriodSeconds",
            json!(30),
        );
        if object["spec"]["strategy"]["type"] == "RollingUpdate" {
            let rolling = &mut object["spec"]["strategy"]["rollingUpdate"];
            for member in ["maxSurge", "maxUnavailable"] {
                if rolling.get(member).is_none_or(Value::is_null) {
                    rolling[member] = json!("25%");
                }
            }
        }
    } else if resource == &SERVICES {
        set("/spec/type", json!("ClusterIP"));
        set("/spec/sessionAffinity", json!("None"));
        let uid = object["metadata"]["uid"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.entry("clusterIP")
                .or_insert_with(|| json!(address(&uid)));
        }
    } else if resource == &AUTOSCALERS {
        set("/spec/minReplicas", json!(1));
    } else if resource == &NAMESPACES {
        let name = object["metadata"]["name"].clone();
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
        object["spec"] = json!({"finalizers": ["kubernetes"]});
        object["status"] = json!({"phase": "Active"});
    }
}

/// An address in the range of services that follows from the service.
fn address(uid: &str) -> String {
    let digest = Sha256::digest(uid);
    format!("10.0.{}.{}", digest[0], digest[1].max(1))
}

/// Refuses an object that its kind cannot be.
pub fn check(resource: &Resource, object: &Value) -> Result<(), Status> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let mut causes = Vec::new();
    if !well_named(name, resource.group.starts_with("rbac")) {
        causes.push((
            "metadata.name".to_owned(),
            format!("Invalid value: \"{name}\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"),
        ));
    }
    if resource == &DEPLOYMENTS {
        deployment(&object["spec"], &mut causes);
    } else if resource == &AUTOSCALERS {
        autoscaler(&object["spec"], &mut causes);
    } else if resource == &SERVICES && object["spec"]["ports"].as_array().is_none_or(Vec::is_empty)
    {
        causes.push(required("spec.ports"));
    }
    if causes.is_empty() {
        Ok(())
    } else {
        Err(Status::invalid(resource, name, &causes))
    }
}

fn required(field: &str) -> (String, String) {
    (field.to_owned(), "Required value".to_owned())
}

fn deployment(spec: &Value, causes: &mut Vec<(String, String)>) {
    let wanted = spec["selector"]["matchLabels"].as_object();
    let labels = &spec["template"]["metadata"]["labels"];
    match wanted.filter(|wanted| !wanted.is_empty()) {
        None if spec["selector"]["matchExpressions"].is_null() => {
            causes.push(required("spec.selector"));
        }
        Some(wanted)
            if wanted
                .iter()
                .any(|(key, value)| labels.get(key) != Some(value)) =>
        {
            causes.push((
                "spec.template.metadata.labels".to_owned(),
                format!("Invalid value: {labels}: `selector` does not match template `labels`"),
            ));
        }
        _ => {}
    }
    if spec["replicas"]
        .as_i64()
        .is_none_or(|replicas| replicas < 0)
    {
        let text = "must be greater than or equal to 0";
        causes.push((
            "spec.replicas".to_owned(),
            format!("Invalid value: {}: {text}", spec["replicas"]),
        ));
    }
    let containers = spec["template"]["spec"]["containers"].as_array();
    if containers.is_none_or(Vec::is_empty) {
        causes.push(required("spec.template.spec.containers"));
    }
    for (at, container) in containers.into_iter().flatten().enumerate() {
        for member in ["name", "image"] {
            if container[member].as_str().is_none_or(str::is_empty) {
                causes.push(required(&format!(
                    "spec.template.spec.containers[{at}].{member}"
                )));
            }
        }
    }
}

fn autoscaler(spec: &Value, causes: &mut Vec<(String, String)>) {
    let most = spec["maxReplicas"].as_i64().unwrap_or_default();
    let least = spec["minReplicas"].as_i64().unwrap_or(1);
    if most < 1 || most < least {
        causes.push((
            "spec.maxReplicas".to_owned(),
            format!("Invalid value: {most}: must be greater than or equal to `minReplicas`"),
        ));
    }
    if spec["scaleTargetRef"]["name"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        causes.push(required("spec.scaleTargetRef.name"));
    }
}

/// Names of roles and their bindings may hold what paths can.
fn well_named(name: &str, loose: bool) -> bool {
    let ends = [name.bytes().next(), name.bytes().last()];
    if loose {
        return !name.is_empty() && !name.contains(['/', '%']);
    }
    name.len() <= 253
        && ends
            .iter()
            .all(|end| end.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

/// What of an object never changes once it is there.
pub fn immutable(resource: &Resource, old: &Value, new: &Value) -> Result<(), Status> {
    let path = match resource.kind {
        "Deployment" => "/spec/selector",
        "RoleBinding" | "ClusterRoleBinding" => "/roleRef",
        _ => return Ok(()),
    };
    if old.pointer(path) == new.pointer(path) {
        return Ok(());
    }
    let name = new["metadata"]["name"].as_str().unwrap_or_default();
    let field = path.trim_start_matches('/').replace('/', ".");
    let value = new.pointer(path).cloned().unwrap_or_default();
    let why = format!("Invalid value: {value}: field is immutable");
    Err(Status::invalid(resource, name, &[(field, why)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deployments_name_images_and_select_their_own_pods() {
        let good = json!({"metadata": {"name": "web"}, "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "i"}]},
            },
        }});
        let checked = |object: &Value| {
            let mut object = object.clone();
            defaults(&DEPLOYMENTS, &mut object);
            check(&DEPLOYMENTS, &object)
        };
        assert_eq!(checked(&good), Ok(()));
        for (path, value) in [
            ("/metadata/name", json!("Web")),
            ("/spec/selector", json!({})),
            ("/spec/template/metadata/labels", json!({"app": "x"})),
            ("/spec/template/spec/containers", json!([])),
            ("/spec/template/spec/containers/0/image", json!("")),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(path).unwrap() = value;
            assert_eq!(checked(&bad).unwrap_err().code, 422, "{path}");
        }
    }
}
