//! Statements written by hand where the query builder has no word for them: constant text with named
//! parameters, prepared once per connection like any typed query. No statement is written here.

/// Declares a statement: a struct with one field per parameter, run by diesel's `execute`, `load` and so on.
/// A parameter may occur several times; one that the text does not know fails at the first run.
macro_rules! statement {
    (
        $(#[$doc:meta])*
        $name:ident $(<$life:lifetime>)? { $($field:ident: $type:ty = $value:ty),* $(,)? } -> $row:ty;
        $sql:expr
    ) => {
        $(#[$doc])*
        pub(crate) struct $name $(<$life>)? { $(pub(crate) $field: $value),* }

        const _: () = {
            /// By this type diesel finds the prepared statement again.
            pub(crate) struct Id;

            impl $(<$life>)? diesel::query_builder::QueryId for $name $(<$life>)? {
                type QueryId = Id;
                const HAS_STATIC_QUERY_ID: bool = true;
            }

            impl $(<$life>)? diesel::query_builder::Query for $name $(<$life>)? {
                type SqlType = $row;
            }

            impl $(<$life>)? diesel::RunQueryDsl<diesel::SqliteConnection> for $name $(<$life>)? {}

            impl $(<$life>)? diesel::query_builder::QueryFragment<diesel::sqlite::Sqlite> for $name $(<$life>)? {
                fn walk_ast<'b>(
                    &'b self,
                    mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
                ) -> diesel::QueryResult<()> {
                    for (text, parameter) in crate::statement::pieces($sql) {
                        out.push_sql(text);
                        match parameter {
                            None => {}
                            $(Some(stringify!($field)) => out.push_bind_param::<$type, _>(&self.$field)?,)*
                            Some(unknown) => return Err(crate::statement::unknown(unknown)),
                        }
                    }
                    Ok(())
                }
            }
        };
    };
}

pub(crate) use statement;

/// Text up to each `:parameter`, and the parameter's name; the last piece has none.
pub(crate) fn pieces(sql: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut rest = Some(sql);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((before, after)) = text.split_once(':') else {
            rest = None;
            return Some((text, None));
        };
        let end = after.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        rest = Some(tail);
        Some((before, Some(name)))
    })
}

/// The error of a parameter that a statement's text names and its struct lacks.
pub(crate) fn unknown(parameter: &str) -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError(format!("no value for the parameter :{parameter}").into())
}

#[cfg(test)]
mod tests;
