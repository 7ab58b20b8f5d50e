//! Setters for values that other crates make and that can grow.

/// Implements `with_…` for public fields.
macro_rules! with_setters {
    ($name:ty { $($setter:ident: $field:ident = $type:ty),* $(,)? }) => {
        impl $name {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](field@Self::", stringify!($field), ").")]
                #[must_use]
                pub fn $setter(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}
pub(crate) use with_setters;
