//! The name that somebody meant.

/// The one of `known` that is nearest to `name`, if it is near enough to be meant.
pub(super) fn name<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let typed = canonical(name);
    known
        .map(|known| {
            let distance = strsim::damerau_levenshtein(&canonical(known), &typed);
            (distance, known)
        })
        .filter(|(distance, known)| *distance <= known.chars().count().div_ceil(3))
        .min()
        .map(|(_, known)| known)
}

fn canonical(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_names_are_meant() {
        let known = ["primary", "recovery", "os"];
        let near = |text| name(text, known.into_iter());
        assert_eq!(near("primray"), Some("primary"));
        assert_eq!(near("Recovery"), Some("recovery"));
        assert_eq!(near("so"), Some("os"));
        assert_eq!(near("secondary"), None);
    }
}
