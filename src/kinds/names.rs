//! Names that are unique in all of Azure: whether somebody has one already can be asked.
//!
//! Reference: `checkNameAvailability` of Microsoft.ContainerRegistry, Microsoft.KeyVault and
//! Microsoft.Storage: a POST that changes nothing.

use serde_json::{Value as Json, json};

use crate::resource::{Meta, Method, Obstacle, Planned, Question, Request};

/// Asks for the name of an object that is to be created.
pub(super) fn question(meta: &Meta, planned: &Planned<'_>) -> Option<Question> {
    if planned.before.is_some() {
        return None;
    }
    let name = planned.id.rsplit('/').next()?.to_owned();
    let (namespace, _) = meta.arm_type.split_once('/')?;
    let subscription = planned.subscription()?;
    let path = format!("{subscription}/providers/{namespace}/checkNameAvailability");
    let body = json!({ "name": name, "type": meta.arm_type });
    let request = Request {
        idempotent: true,
        ..Request::arm(Method::Post, path, meta.api_version).body(body)
    };
    Some(Question {
        request,
        judge: Box::new(move |answer| taken(&name, answer)),
    })
}

fn taken(name: &str, answer: &Json) -> Option<Obstacle> {
    if answer.get("nameAvailable") != Some(&json!(false)) {
        return None;
    }
    let text = |key: &str| answer.get(key).and_then(Json::as_str);
    let is_taken = text("reason").is_none_or(|reason| reason.eq_ignore_ascii_case("AlreadyExists"));
    let said = text("message").unwrap_or("Azure does not say why");
    let problem = match is_taken {
        true => format!("the name {name} is taken: {said}"),
        false => format!("Azure does not take the name {name}: {said}"),
    };
    Some(Obstacle {
        problem,
        instead: "declare another name: it is unique in all of Azure, and one that was deleted \
                  not long ago may still be held"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_no_is_in_the_way() {
        for free in [json!({"nameAvailable": true}), json!({}), json!(null)] {
            assert_eq!(taken("n", &free), None, "{free}");
        }
        let no = json!({"nameAvailable": false, "reason": "AlreadyExists", "message": "In use."});
        let problem = taken("n", &no).expect("an obstacle").problem;
        assert_eq!(problem, "the name n is taken: In use.");
        let bad = json!({"nameAvailable": false, "reason": "Invalid", "message": "Too long."});
        let problem = taken("n", &bad).expect("an obstacle").problem;
        assert_eq!(problem, "Azure does not take the name n: Too long.");
    }
}
