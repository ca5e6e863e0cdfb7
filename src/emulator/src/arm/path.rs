//! Taking an ARM path apart: scope, provider, types and names, in any case.

/// An ARM path. Segments keep the caller's case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmPath {
    /// The whole path as sent.
    pub text: String,
    pub subscription: Option<String>,
    pub group: Option<String>,
    pub tail: Tail,
}

/// What follows tenant, subscription or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Nothing, or plain words: `/subscriptions/S/locations`, `…/resources`.
    Words(Vec<String>),
    /// `…/providers/NAMESPACE/…`; the last `providers` counts, so that extension
    /// resources work at any scope.
    Provider(ProviderPath),
}

/// What follows the last `/providers/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderPath {
    /// What comes before it: "" for the tenant, a subscription, a group or a resource.
    pub scope: String,
    pub namespace: String,
    /// `L` of `locations/L/…`, where the type lives below a location.
    pub location: Option<String>,
    /// Types and names in turn; an odd number ends in a collection or an action.
    pub segments: Vec<String>,
}

impl ArmPath {
    pub fn parse(text: &str) -> Self {
        let segments: Vec<&str> = text.split('/').filter(|s| !s.is_empty()).collect();
        let subscription = named(&segments, 0, "subscriptions");
        let group = subscription
            .as_ref()
            .and_then(|_| named(&segments, 2, "resourcegroups"));
        let provider = segments
            .iter()
            .rposition(|segment| segment.eq_ignore_ascii_case("providers"))
            .filter(|at| at % 2 == 0 && at + 1 < segments.len());
        let tail = match provider {
            Some(at) => Tail::Provider(ProviderPath::new(&segments, at)),
            None => {
                let from = match (&subscription, &group) {
                    (_, Some(_)) => 4,
                    (Some(_), None) => 2,
                    (None, _) => 0,
                };
                Tail::Words(segments[from..].iter().map(ToString::to_string).collect())
            }
        };
        Self {
            text: text.to_owned(),
            subscription,
            group,
            tail,
        }
    }
}

impl ProviderPath {
    fn new(segments: &[&str], at: usize) -> Self {
        let scope: String = segments[..at].iter().flat_map(|s| ["/", s]).collect();
        let mut rest: Vec<String> = segments[at + 2..].iter().map(ToString::to_string).collect();
        let mut location = None;
        if rest.len() > 2 && rest[0].eq_ignore_ascii_case("locations") {
            location = Some(rest.remove(1));
            rest.remove(0);
        }
        Self {
            scope,
            namespace: segments[at + 1].to_owned(),
            location,
            segments: rest,
        }
    }

    /// The type of the first `depth` pairs in lower case, namespace included.
    pub fn kind(&self, depth: usize) -> String {
        let mut kind = self.namespace.to_ascii_lowercase();
        for segment in self.segments.iter().step_by(2).take(depth) {
            kind.push('/');
            kind.push_str(&segment.to_ascii_lowercase());
        }
        kind
    }

    /// The names of the first `depth` pairs.
    pub fn names(&self, depth: usize) -> Vec<String> {
        self.segments
            .iter()
            .skip(1)
            .step_by(2)
            .take(depth)
            .cloned()
            .collect()
    }

    /// How many types have a name.
    pub fn pairs(&self) -> usize {
        self.segments.len() / 2
    }

    /// The last segment, where it has no name of its own.
    pub fn trailing(&self) -> Option<&str> {
        (self.segments.len() % 2 == 1)
            .then(|| self.segments.last().map(String::as_str))
            .flatten()
    }

    /// `registries/replications`: the types as ARM's messages print them.
    pub fn types_as_sent(&self) -> String {
        let types: Vec<&str> = self
            .segments
            .iter()
            .step_by(2)
            .map(String::as_str)
            .collect();
        types.join("/")
    }
}

/// The ARM type in an id, in the id's own spelling.
pub fn kind_of(id: &str) -> String {
    let Some((_, path)) = id.rsplit_once("/providers/") else {
        return String::new();
    };
    let mut segments = path.split('/');
    let mut kind = segments.next().unwrap_or_default().to_owned();
    for segment in segments.step_by(2) {
        kind.push('/');
        kind.push_str(segment);
    }
    kind
}

/// The segment after `word`, where `word` stands at `at`.
fn named(segments: &[&str], at: usize, word: &str) -> Option<String> {
    segments
        .get(at)
        .filter(|segment| segment.eq_ignore_ascii_case(word))
        .and_then(|_| segments.get(at + 1))
        .map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(text: &str) -> ProviderPath {
        match ArmPath::parse(text).tail {
            Tail::Provider(provider) => provider,
            Tail::Words(words) => panic!("{text}: only {words:?}"),
        }
    }

    #[test]
    fn types_of_ids() {
        let id = "/subscriptions/s/resourceGroups/g/providers/A.B/xs/x/ys/y";
        assert_eq!(kind_of(id), "A.B/xs/ys");
        assert_eq!(kind_of("nonsense"), "");
    }

    #[test]
    fn groups_and_words() {
        let path = ArmPath::parse("/Subscriptions/S/resourcegroups/G/resources");
        assert_eq!(path.subscription.as_deref(), Some("S"));
        assert_eq!(path.group.as_deref(), Some("G"));
        assert_eq!(path.tail, Tail::Words(vec!["resources".to_owned()]));
        let path = ArmPath::parse("/subscriptions/S/providers");
        assert_eq!(path.tail, Tail::Words(vec!["providers".to_owned()]));
        assert_eq!(
            ArmPath::parse("/tenants").tail,
            Tail::Words(vec!["tenants".to_owned()])
        );
    }

    #[test]
    fn nested_types_extensions_and_locations() {
        let child = provider("/subscriptions/S/resourceGroups/G/providers/A.B/Xs/x/ys/y");
        assert_eq!((child.kind(2).as_str(), child.pairs()), ("a.b/xs/ys", 2));
        assert_eq!(child.names(2), ["x", "y"]);
        let lock =
            provider("/subscriptions/S/resourceGroups/G/providers/A.B/xs/x/providers/M.A/locks/l");
        assert_eq!(
            lock.scope,
            "/subscriptions/S/resourceGroups/G/providers/A.B/xs/x"
        );
        assert_eq!(lock.kind(1), "m.a/locks");
        let action = provider("/subscriptions/S/resourceGroups/G/providers/A.B/xs/x/doIt");
        assert_eq!((action.trailing(), action.pairs()), (Some("doIt"), 1));
        let placed = provider("/subscriptions/S/providers/A.B/locations/EASTUS/operationResults/o");
        assert_eq!(placed.location.as_deref(), Some("EASTUS"));
        assert_eq!(placed.kind(1), "a.b/operationresults");
        assert_eq!(provider("/providers/A.B/xs/x").scope, "");
    }
}
