//! Conditions of assignments: text → expression → three-valued answer.
//!
//! What a condition says of actions is decided; what it says of attributes is decided where
//! their values are given in the [`Circumstances`]. Everything else is [`Truth::Unknown`], a
//! text that cannot be read included: a condition is never taken to hold, nor not to hold,
//! without knowing.
//! <https://learn.microsoft.com/azure/role-based-access-control/conditions-format>

mod evaluate;
mod expression;
mod lexer;
mod operator;
mod parser;

use std::collections::BTreeMap;

use super::pattern::Pattern;
use super::permission::Fits;
use super::truth::Truth;
use expression::Expression;
pub use expression::{Attribute, Literal, Source};

/// A condition of a role assignment, of a deny assignment or of a role's permission.
#[derive(Debug, Clone)]
pub struct Condition {
    text: String,
    /// Or why it cannot be read.
    expression: Result<Expression, String>,
}

/// What is known of a request beside its action and scope.
#[derive(Debug, Clone, Default)]
pub struct Circumstances {
    /// E.g. `Blob.List`.
    pub sub_operation: Option<String>,
    /// The values of attributes; one that is not listed is not known.
    pub attributes: BTreeMap<Attribute, Vec<Literal>>,
}

impl Condition {
    /// Reads a `condition` with its `conditionVersion`; an empty one is none.
    pub fn read(text: Option<&str>, version: Option<&str>) -> Option<Self> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        let expression = match version {
            None | Some("" | "1.0" | "2.0") => parser::parse(text),
            Some(version) => Err(format!("its version {version} is not known here")),
        };
        Some(Self {
            text: text.to_owned(),
            expression,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Why it cannot be read, if so.
    pub fn unreadable(&self) -> Option<&str> {
        self.expression.as_ref().err().map(String::as_str)
    }

    /// Whether it holds.
    pub(super) fn holds(&self, fits: Fits<'_>, circumstances: &Circumstances) -> Truth {
        match &self.expression {
            Ok(expression) => expression.holds(fits, circumstances),
            Err(_) => Truth::Unknown,
        }
    }

    /// The patterns of actions that it names.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        let mut found = Vec::new();
        if let Ok(expression) = &self.expression {
            expression.patterns(&mut found);
        }
        found.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rbac::action::Action;
    use proptest::prelude::*;

    const READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
    const ATTRIBUTE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers:name";

    fn holds(text: &str, action: &str, circumstances: &Circumstances) -> Truth {
        let condition = Condition::read(Some(text), Some("2.0")).expect("a condition");
        let action = Action::data(action);
        condition.holds(&|pattern| pattern.matches(&action), circumstances)
    }

    fn circumstances(value: Literal) -> Circumstances {
        let attribute = Attribute::new(Source::Resource, ATTRIBUTE);
        Circumstances {
            sub_operation: None,
            attributes: BTreeMap::from([(attribute, vec![value])]),
        }
    }

    #[test]
    fn an_action_that_it_does_not_name_is_left_alone() {
        let text = format!(
            "((!(ActionMatches{{'{READ}'}})) OR (@Resource[{ATTRIBUTE}] StringEquals 'dev'))"
        );
        let nothing = Circumstances::default();
        assert_eq!(holds(&text, "A.B/c/write", &nothing), Truth::True);
        assert_eq!(holds(&text, READ, &nothing), Truth::Unknown);
        let text_value = |text: &str| circumstances(Literal::Text(text.to_owned()));
        assert_eq!(holds(&text, READ, &text_value("dev")), Truth::True);
        assert_eq!(holds(&text, READ, &text_value("Dev")), Truth::False);
    }

    #[test]
    fn delegation_of_role_assignments_is_decided_by_the_request() {
        let text = "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR \
            (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] \
            ForAnyOfAnyValues:GuidEquals {7f951dda-4ed3-4680-a7ca-43fe172d538d, \
            8311e382-0749-4cb8-b61a-304f252e45ec})) AND \
            ((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR \
            (@Resource[Microsoft.Authorization/roleAssignments:PrincipalType] \
            StringEqualsIgnoreCase 'user'))";
        let write = "Microsoft.Authorization/roleAssignments/write";
        let asks = |role: &str| {
            let name = "microsoft.authorization/roleassignments:roledefinitionid";
            let attribute = Attribute::new(Source::Request, name);
            let value = vec![Literal::Text(role.to_owned())];
            Circumstances {
                sub_operation: None,
                attributes: BTreeMap::from([(attribute, value)]),
            }
        };
        let pull = asks("7F951DDA-4ED3-4680-A7CA-43FE172D538D");
        assert_eq!(holds(text, write, &pull), Truth::True);
        let owner = asks("8e3af657-a8ff-443c-a75c-2fe8c4bcb635");
        assert_eq!(holds(text, write, &owner), Truth::False);
        assert_eq!(
            holds(text, write, &Circumstances::default()),
            Truth::Unknown
        );
    }

    #[test]
    fn sub_operations_are_decided_where_they_are_known() {
        let text =
            format!("!(ActionMatches{{'{READ}'}} AND NOT SubOperationMatches{{'Blob.List'}})");
        let of = |name: &str| Circumstances {
            sub_operation: Some(name.to_owned()),
            ..Circumstances::default()
        };
        assert_eq!(holds(&text, READ, &of("blob.list")), Truth::True);
        assert_eq!(holds(&text, READ, &of("Blob.Read")), Truth::False);
        let old = format!(
            "!(ActionMatches{{'{READ}'}} AND @Request[subOperation] \
             ForAnyOfAnyValues:StringEqualsIgnoreCase {{'Blob.List'}})"
        );
        assert_eq!(holds(&old, READ, &of("blob.list")), Truth::False);
        assert_eq!(holds(&old, READ, &Circumstances::default()), Truth::Unknown);
    }

    #[test]
    fn comparisons() {
        use Truth::{False, True, Unknown};
        for (comparison, expected) in [
            (
                "{'red', 'blue'} ForAnyOfAnyValues:StringEquals {'blue', 'green'}",
                True,
            ),
            (
                "{'red', 'blue'} ForAnyOfAnyValues:StringEquals {'orange'}",
                False,
            ),
            (
                "{'red', 'blue'} ForAllOfAnyValues:StringEquals {'orange', 'red', 'blue'}",
                True,
            ),
            (
                "{'red', 'blue'} ForAllOfAnyValues:StringEquals {'red', 'green'}",
                False,
            ),
            ("{10, 20} ForAnyOfAllValues:NumericLessThan {15, 18}", True),
            (
                "{10, 20} ForAllOfAllValues:NumericLessThan {5, 15, 18}",
                False,
            ),
            ("{10, 20} ForAllOfAllValues:NumericLessThan {25, 30}", True),
            ("'abcd' StringLike 'a*c?'", True),
            ("'abcd' StringLike 'A*C?'", False),
            ("'abcd' StringLikeIgnoreCase 'A*C?'", True),
            ("'abcd' StringLike 'a*c'", False),
            ("'a*c' StringLike 'a\\*c'", True),
            ("'abc' StringLike 'a\\*c'", False),
            ("'abcd' StringNotLike 'a*'", False),
            ("'abc' StringStartsWith 'ab'", True),
            ("'abc' StringNotStartsWithIgnoreCase 'AB'", False),
            ("'a' stringEquals 'a'", True),
            ("'a' StringNotEquals 'A'", True),
            ("'a' StringNotEqualsIgnoreCase 'A'", False),
            ("5 NumericGreaterThanEquals 5", True),
            ("5 NumericNotEquals 5", False),
            ("true BoolEquals true", True),
            ("true BoolNotEquals true", False),
            ("'x' NumericEquals 5", Unknown),
            ("{'a', 'b'} StringEquals 'a'", Unknown),
            ("'2022-01-01' DateTimeLessThan '2023-01-01'", Unknown),
            ("Exists @Resource[A.B/c:d]", Unknown),
            ("NOT Exists @Principal[A.B/c:d]", Unknown),
            ("'a' StringEquals 'b' || 'a' StringEquals 'a'", True),
            (
                "'a' StringEquals 'a' && @Resource[x] StringEquals 'a'",
                Unknown,
            ),
            (
                "'a' StringEquals 'b' && @Resource[x] StringEquals 'a'",
                False,
            ),
        ] {
            let given = holds(comparison, READ, &Circumstances::default());
            assert_eq!(given, expected, "{comparison}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_known() {
        for text in [
            "(",
            ")",
            "'",
            "'a'",
            "@Resource[",
            "@Resource[x]",
            "@Nowhere[x] StringEquals 'a'",
            "'a' StringResembles 'a'",
            "'a' StringEquals 'a' AND 'a' StringEquals 'a' OR 'a' StringEquals 'a'",
            "ActionMatches{}",
            "ActionMatches{'a'} 'b'",
            "1 NumericEquals 99999999999999999999999",
            &"(".repeat(100_000),
            &"!".repeat(100_000),
        ] {
            let condition = Condition::read(Some(text), None).expect("a condition");
            let unreadable = condition.unreadable().map(str::to_owned);
            let given = holds(text, READ, &Circumstances::default());
            assert_eq!(given, Truth::Unknown, "{}", &text[..text.len().min(60)]);
            assert!(unreadable.is_some() || text.contains("Resembles"), "{text}");
        }
        let newer = Condition::read(Some("'a' StringEquals 'a'"), Some("3.0"));
        assert!(newer.expect("a condition").unreadable().is_some());
        assert!(Condition::read(Some("  "), None).is_none());
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("ActionMatches{'A.B/*'}".to_owned()),
            Just("SubOperationMatches{'x'}".to_owned()),
            Just("@Resource[a:b] ".to_owned()),
            Just("ForAnyOfAnyValues:StringLike ".to_owned()),
            Just("{'a', 1, true}".to_owned()),
            Just(" AND ".to_owned()),
            Just(" OR ".to_owned()),
            Just("!(".to_owned()),
            Just(")".to_owned()),
            Just("Exists ".to_owned()),
            "[(){}!&|,'@\\[\\] a-zA-Z0-9.:*-]{0,8}",
            "\\PC{0,4}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn on_any_text(pieces in prop::collection::vec(piece(), 0..12)) {
            if let Some(condition) = Condition::read(Some(&pieces.concat()), None) {
                let answer = condition.holds(&|_| true, &Circumstances::default());
                prop_assert!(condition.unreadable().is_none() || answer == Truth::Unknown);
            }
        }
    }
}
