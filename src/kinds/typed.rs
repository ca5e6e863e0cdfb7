//! Bodies from Microsoft's own models, as the trees that the engine works on.

use serde::Serialize;
use serde_json::Value as Json;

/// The model as JSON without nulls: the models write some absent dates as null.
pub(super) fn typed(model: &impl Serialize) -> Json {
    let json = serde_json::to_value(model)
        .expect("the models hold texts, numbers, lists and maps with text keys only");
    crate::resource::without_nulls(json)
}
