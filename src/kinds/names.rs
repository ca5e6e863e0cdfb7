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
    use crate::kinds::KINDS;
    use crate::resource::{Change, Naming, Value};

    #[test]
    fn what_asks_for_its_name_says_where_it_is_unique() {
        for kind in KINDS.iter() {
            let meta = kind.meta();
            let id = "/subscriptions/s/resourceGroups/g/providers/X/y/n";
            let after = Value::default();
            let planned = Planned {
                place: None,
                id,
                before: None,
                after: &after,
            };
            let asked = kind.question(&planned);
            let asks = asked.is_some_and(|it| it.request.path.ends_with("/checkNameAvailability"));
            assert!(!asks || kind.naming() != Naming::Within, "{}", meta.name);
            // What keeps its name cannot be made again in the place of itself either.
            let replaced = meta.fields.iter().any(|it| it.change == Change::Replace);
            let kept = kind.naming() == Naming::Kept;
            assert!(!(kept && replaced), "{}", meta.name);
        }
    }

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
