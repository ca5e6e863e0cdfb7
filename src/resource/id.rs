//! Ids: Azure's paths, compared without case, each below the scopes that it lies in.

/// The id and every path above it, nearest first: the scopes at which a lock, a list or a
/// container holds for it.
pub fn scopes(id: &str) -> impl Iterator<Item = &str> {
    let whole = id.strip_suffix('/').unwrap_or(id);
    std::iter::successors(Some(whole), |path| {
        let above = &path[..path.rfind('/')?];
        (!above.is_empty()).then_some(above)
    })
}

#[cfg(test)]
mod tests {
    use super::scopes;

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
}
