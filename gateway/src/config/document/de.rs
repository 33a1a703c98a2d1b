//! Serde's view of a document: errors stand at the node that caused them, and types can ask where they were written.

use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor, value::StrDeserializer,
};

use super::{Data, Document, Id, Scalar, error::Error, read::Pass};
use crate::config::span::{SHAPE, SPANNED, Span};

/// One node, to be deserialised.
#[derive(Clone, Copy)]
pub(super) struct Deserializer<'d, 'a> {
    document: &'d Document<'a>,
    pass: &'d Pass,
    node: Id,
    /// The key that the node stands under; the node itself when it stands under none.
    key: Id,
    /// A key is text, whatever it looks like.
    is_key: bool,
}

impl<'d, 'a> Deserializer<'d, 'a> {
    pub(super) fn root(document: &'d Document<'a>, pass: &'d Pass) -> Self {
        Self {
            document,
            pass,
            node: 0,
            key: 0,
            is_key: false,
        }
    }

    fn child(self, node: Id) -> Self {
        Self {
            node,
            key: node,
            is_key: false,
            ..self
        }
    }

    fn scalar(self) -> Option<Scalar<'d>> {
        match &self.document.node(self.node).data {
            Data::Plain(text) if !self.is_key => Some(Scalar::plain(text)),
            Data::Plain(text) | Data::Quoted(text) => Some(Scalar::Text(text)),
            Data::Sequence | Data::Mapping => None,
        }
    }

    fn visit<V: Visitor<'d>>(self, visitor: V, structure: bool) -> Result<V::Value, Error> {
        let value = match self.scalar() {
            Some(Scalar::Null) => visitor.visit_unit(),
            Some(Scalar::Bool(value)) => visitor.visit_bool(value),
            Some(Scalar::Unsigned(value)) => visitor.visit_u64(value),
            Some(Scalar::Signed(value)) => visitor.visit_i64(value),
            Some(Scalar::Float(value)) => visitor.visit_f64(value),
            Some(Scalar::Text(value)) => visitor.visit_borrowed_str(value),
            None => {
                let children = Children {
                    parent: self,
                    next: self.node + 1,
                    end: self.document.node(self.node).end,
                    structure,
                    key: 0,
                };
                if self.document.is_mapping(self.node) {
                    visitor.visit_map(children)
                } else {
                    visitor.visit_seq(children)
                }
            }
        };
        value.map_err(|error| error.at(self.node))
    }
}

impl<'d> serde::Deserializer<'d> for Deserializer<'d, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, Error> {
        self.visit(visitor, false)
    }

    fn deserialize_option<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, Error> {
        let value = match self.scalar() {
            Some(Scalar::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        };
        value.map_err(|error| error.at(self.node))
    }

    fn deserialize_newtype_struct<V: Visitor<'d>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'d>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == SPANNED {
            return visitor.visit_seq(Located {
                value: self,
                step: 0,
            });
        }
        // Serde would take a list of the fields' values, too.
        if matches!(self.document.node(self.node).data, Data::Sequence) {
            return Err(Error::invalid_type(Unexpected::Seq, &visitor).at(self.node));
        }
        self.visit(visitor, true)
    }

    fn deserialize_enum<V: Visitor<'d>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == SHAPE {
            let shape = self.shape(variants);
            return visitor.visit_enum(Variant {
                value: self,
                name: shape,
            });
        }
        let value = match self.scalar() {
            Some(Scalar::Text(name)) => visitor.visit_enum(name.into_deserializer()),
            _ => return self.visit(visitor, false),
        };
        value.map_err(|error: Error| error.at(self.node))
    }

    fn deserialize_ignored_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'d>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map identifier
    }
}

impl Deserializer<'_, '_> {
    /// The variant of a [`SHAPE`] that this node has.
    fn shape(self, variants: &[&'static str]) -> &'static str {
        let shape = match &self.document.node(self.node).data {
            Data::Plain(_) | Data::Quoted(_) => "scalar",
            Data::Sequence => "sequence",
            Data::Mapping => "mapping",
        };
        variants
            .iter()
            .copied()
            .find(|name| *name == shape)
            .unwrap_or("other")
    }
}

/// The children of a list or a mapping, without those that the pass leaves out.
struct Children<'d, 'a> {
    parent: Deserializer<'d, 'a>,
    next: Id,
    end: Id,
    structure: bool,
    /// Of the value that comes next.
    key: Id,
}

impl<'d> SeqAccess<'d> for Children<'d, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'d>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        while self.next < self.end {
            let item = self.next;
            self.next = self.parent.document.node(item).end;
            if !self.parent.pass.skips(item, self.next, false) {
                return seed.deserialize(self.parent.child(item)).map(Some);
            }
        }
        Ok(None)
    }
}

impl<'d> MapAccess<'d> for Children<'d, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'d>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        while self.next < self.end {
            let key = self.next;
            let value = self.parent.document.node(key).end;
            self.next = self.parent.document.node(value).end;
            if !self.parent.pass.skips(key, self.next, self.structure) {
                self.key = key;
                let mut name = self.parent.child(key);
                name.is_key = true;
                return seed
                    .deserialize(name)
                    .map(Some)
                    .map_err(|error| error.at(key));
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'d>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let mut value = self.parent.child(self.parent.document.node(self.key).end);
        value.key = self.key;
        seed.deserialize(value)
            .map_err(|error| error.at(value.node))
    }
}

/// What a `Spanned<T>` is made of: the value's place, its key's place, the value.
struct Located<'d, 'a> {
    value: Deserializer<'d, 'a>,
    step: u8,
}

impl<'d> SeqAccess<'d> for Located<'d, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'d>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Deserializer {
            document,
            node,
            key,
            ..
        } = self.value;
        self.step += 1;
        match self.step {
            1 => seed.deserialize(place(document.node(node).span)).map(Some),
            2 => seed.deserialize(place(document.node(key).span)).map(Some),
            3 => seed.deserialize(self.value).map(Some),
            _ => Ok(None),
        }
    }
}

fn place<'d>(span: Span) -> serde::de::value::SeqDeserializer<std::array::IntoIter<u32, 3>, Error>
where
    u32: IntoDeserializer<'d, Error>,
{
    serde::de::value::SeqDeserializer::new([span.line, span.column, span.length].into_iter())
}

/// A value by its shape: the variant is known before the value is read.
struct Variant<'d, 'a> {
    value: Deserializer<'d, 'a>,
    name: &'static str,
}

impl<'d> EnumAccess<'d> for Variant<'d, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'d>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let name = seed.deserialize(StrDeserializer::new(self.name))?;
        Ok((name, self))
    }
}

impl<'d> VariantAccess<'d> for Variant<'d, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'d>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.value)
    }

    fn tuple_variant<V: Visitor<'d>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_any(self.value, visitor)
    }

    fn struct_variant<V: Visitor<'d>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_any(self.value, visitor)
    }
}
