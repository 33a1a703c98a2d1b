//! What aliases stand for.

use super::{Builder, Data, Fatal, Id, Limits, Node};
use crate::config::span::Span;

impl Builder<'_, '_> {
    /// Copies what an alias stands for, so that the tree stays a tree.
    pub(super) fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fatal> {
        let from = self.anchors.get(&anchor).copied();
        let Some((from, end)) = from.map(|from| (from, self.nodes[from as usize].end)) else {
            return Err(self.refuse(span, "no anchor of this name stands before"));
        };
        if end == 0 {
            return Err(self.refuse(span, "this alias stands for a value that contains it"));
        }
        let count = (end - from) as usize;
        self.weigh(from, end, span)?;
        self.count(span, count)?;
        let collection = matches!(
            self.nodes[from as usize].data,
            Data::Sequence | Data::Mapping
        );
        self.place(span, collection)?;
        self.check_depth(span, self.height(from, end))?;
        let shift = self.next_id() - from;
        for id in from..end {
            let mut node = self.nodes[id as usize].clone();
            node.end += shift;
            if self.repeated.contains(&id) {
                self.repeated.insert(id + shift);
            }
            self.nodes.push(node);
        }
        Ok(())
    }

    /// Holds aliases to their limits: aliases of aliases grow exponentially, as does an alias of a long text.
    fn weigh(&mut self, from: Id, end: Id, span: Span) -> Result<(), Fatal> {
        let bytes = |node: &Node<'_>| match &node.data {
            Data::Plain(text) | Data::Quoted(text) => text.len(),
            Data::Sequence | Data::Mapping => 0,
        };
        let nodes = &self.nodes[from as usize..end as usize];
        self.aliased += nodes.len();
        self.aliased_bytes += nodes.iter().map(bytes).sum::<usize>();
        let Limits {
            aliased,
            aliased_bytes,
            ..
        } = *self.limits;
        let what = if self.aliased > aliased {
            format!("{aliased} values")
        } else if self.aliased_bytes > aliased_bytes {
            format!("{} MiB of text", aliased_bytes >> 20)
        } else {
            return Ok(());
        };
        let message = format!("the aliases of this file stand for more than {what}");
        Err(self.refuse_with(
            span,
            message,
            "aliases of aliases grow without bound; write the values out",
        ))
    }

    /// How many collections are inside each other in these nodes.
    fn height(&self, from: Id, end: Id) -> usize {
        let (mut ends, mut height) = (Vec::new(), 0);
        for id in from..end {
            while ends.last().is_some_and(|end| *end <= id) {
                ends.pop();
            }
            let node = &self.nodes[id as usize];
            if matches!(node.data, Data::Sequence | Data::Mapping) {
                ends.push(node.end);
                height = height.max(ends.len());
            }
        }
        height
    }
}
