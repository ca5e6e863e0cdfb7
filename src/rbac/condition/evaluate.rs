//! What a condition comes to.

use super::Circumstances;
use super::expression::{Attribute, Expression, Literal, Operand};
use crate::rbac::permission::Fits;
use crate::rbac::truth::Truth;

impl Expression {
    /// Whether it holds for an action under these circumstances.
    pub(super) fn holds(&self, fits: Fits<'_>, circumstances: &Circumstances) -> Truth {
        let part = |part: &Self| part.holds(fits, circumstances);
        match self {
            Self::All(parts) => Truth::all(parts.iter().map(part)),
            Self::Any(parts) => Truth::any(parts.iter().map(part)),
            Self::Not(inner) => !part(inner),
            Self::Action(patterns) => Truth::from(patterns.iter().any(fits)),
            Self::SubOperation(names) => match &circumstances.sub_operation {
                Some(name) => {
                    Truth::from(names.iter().any(|known| known.eq_ignore_ascii_case(name)))
                }
                None => Truth::Unknown,
            },
            Self::Exists(attribute) => match circumstances.value(attribute) {
                Some(_) => Truth::True,
                None => Truth::Unknown,
            },
            Self::Compare(left, operator, right) => {
                match (circumstances.side(left), circumstances.side(right)) {
                    (Some(left), Some(right)) => operator.holds(&left, &right),
                    _ => Truth::Unknown,
                }
            }
            Self::Strange => Truth::Unknown,
        }
    }
}

impl Circumstances {
    fn value(&self, attribute: &Attribute) -> Option<Vec<Literal>> {
        if attribute.is_sub_operation() {
            let name = self.sub_operation.clone()?;
            return Some(vec![Literal::Text(name)]);
        }
        self.attributes.get(attribute).cloned()
    }

    fn side(&self, operand: &Operand) -> Option<Vec<Literal>> {
        match operand {
            Operand::Attribute(attribute) => self.value(attribute),
            Operand::Literals(literals) => Some(literals.clone()),
        }
    }
}
