//! Names of tags: case tells none from another, and Azure may show another than was sent.
//!
//! Reference: "Use tags to organize your Azure resources", on names that are case-insensitive for
//! operations and whose casing a provider may keep.

/// Whether two names are those of one tag.
pub fn same_tag(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// What stands under a name among these tags, in whatever case it is shown.
pub fn tag_of<'t, V: 't>(
    tags: impl IntoIterator<Item = (&'t String, &'t V)>,
    name: &str,
) -> Option<&'t V> {
    let mut found = tags.into_iter().filter(|(tag, _)| same_tag(tag, name));
    found.next().map(|(_, value)| value)
}
