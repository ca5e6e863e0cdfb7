//! Ids: Azure's paths, compared without case, each below the scopes that it lies in.

/// Below what all subscriptions are.
const SUBSCRIPTIONS: &str = "/subscriptions/";

/// The id and every path above it, nearest first: the scopes at which a lock, a list or a
/// container holds for it.
pub fn scopes(id: &str) -> impl Iterator<Item = &str> {
    let whole = id.strip_suffix('/').unwrap_or(id);
    std::iter::successors(Some(whole), |path| {
        let above = &path[..path.rfind('/')?];
        (!above.is_empty()).then_some(above)
    })
}

/// The ARM id of the subscription that an object lies in: `/subscriptions/<id>`.
pub fn subscription_of(id: &str) -> Option<&str> {
    let below = id.get(..SUBSCRIPTIONS.len());
    let below = below.filter(|start| start.eq_ignore_ascii_case(SUBSCRIPTIONS));
    let name = &id[below?.len()..];
    let end = name.find('/').unwrap_or(name.len());
    (end > 0).then(|| &id[..SUBSCRIPTIONS.len() + end])
}

/// The Azure type of the object with this ARM id, such as
/// `Microsoft.ContainerRegistry/registries/replications`; `None` where the id is not one of an
/// object, or has a segment that does not mean itself in a URL.
pub fn arm_type_of(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.strip_prefix('/')?.split('/').collect();
    let plain = |segment: &str| {
        !matches!(segment, "" | "." | "..") && !segment.contains(['?', '#', '%', '\\'])
    };
    if !segments.iter().all(|segment| plain(segment)) {
        return None;
    }
    let is = |segment: &str, word: &str| segment.eq_ignore_ascii_case(word);
    let provider = segments.iter().rposition(|s| is(s, "providers"));
    let Some(provider) = provider else {
        return match segments[..] {
            [subscriptions, _, groups, _]
                if is(subscriptions, "subscriptions") && is(groups, "resourceGroups") =>
            {
                Some("Microsoft.Resources/resourceGroups".to_owned())
            }
            _ => None,
        };
    };
    let (namespace, names) = segments[provider + 1..].split_first()?;
    let whole = !names.is_empty() && names.len().is_multiple_of(2);
    let types = names.iter().step_by(2).map(|name| format!("/{name}"));
    whole.then(|| format!("{namespace}{}", types.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::{arm_type_of, scopes, subscription_of};

    #[test]
    fn an_id_tells_its_subscription() {
        for (id, subscription) in [
            (
                "/subscriptions/S/resourceGroups/g",
                Some("/subscriptions/S"),
            ),
            ("/Subscriptions/S", Some("/Subscriptions/S")),
            ("/subscriptions/", None),
            ("/v1.0/groups(uniqueName='g')", None),
            ("", None),
        ] {
            assert_eq!(subscription_of(id), subscription, "{id}");
        }
    }

    #[test]
    fn an_id_lies_in_every_path_above_it() {
        let all: Vec<_> = scopes("/subscriptions/s/resourcegroups/g/").collect();
        assert_eq!(
            all,
            [
                "/subscriptions/s/resourcegroups/g",
                "/subscriptions/s/resourcegroups",
                "/subscriptions/s",
                "/subscriptions",
            ]
        );
        assert_eq!(scopes("").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn an_id_tells_its_type() {
        let registry = "/subscriptions/s/resourceGroups/g/providers/Microsoft.X/registries/r";
        for (id, arm_type) in [
            (
                "/subscriptions/s/resourcegroups/g".to_owned(),
                Some("Microsoft.Resources/resourceGroups"),
            ),
            (registry.to_owned(), Some("Microsoft.X/registries")),
            (
                format!("{registry}/parts/p"),
                Some("Microsoft.X/registries/parts"),
            ),
            (
                format!("{registry}/providers/Microsoft.Y/locks/l"),
                Some("Microsoft.Y/locks"),
            ),
            (format!("{registry}/parts"), None),
            (format!("{registry}/parts/.."), None),
            (format!("{registry}/parts/p%2e"), None),
            (format!("{registry}//"), None),
            ("/subscriptions/s".to_owned(), None),
            ("g".to_owned(), None),
        ] {
            assert_eq!(arm_type_of(&id).as_deref(), arm_type, "{id}");
        }
    }
}
