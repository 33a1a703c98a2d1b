//! Whether two templates overlap so that neither is the more specific one throughout.

use crate::template::Segment;

/// A template at its `**`.
struct Halves<'t> {
    before: &'t [Segment],
    /// None if there is no `**`.
    after: Option<&'t [Segment]>,
}

impl<'t> Halves<'t> {
    fn of(segments: &'t [Segment]) -> Self {
        let rest = segments
            .iter()
            .position(|segment| *segment == Segment::Rest);
        Self {
            before: &segments[..rest.unwrap_or(segments.len())],
            after: rest.map(|rest| &segments[rest + 1..]),
        }
    }

    /// What stands at a place of a path, counted from both ends.
    fn at(&self, place: usize, length: usize) -> &'t Segment {
        if let Some(segment) = self.before.get(place) {
            return segment;
        }
        let after = self.after.unwrap_or_default();
        let from = length - after.len();
        place
            .checked_sub(from)
            .map_or(&Segment::Rest, |place| &after[place])
    }

    fn least(&self) -> usize {
        self.before.len() + self.after.map_or(0, <[_]>::len)
    }
}

/// The segments of a path that both match, if each is more specific than the other somewhere on it.
pub(super) fn crossing<'t>(one: &'t [Segment], other: &'t [Segment]) -> Option<Vec<&'t str>> {
    let (one, other) = (Halves::of(one), Halves::of(other));
    let longest = one.least().max(other.least());
    let length = match (one.after, other.after) {
        (None, None) if one.before.len() != other.before.len() => return None,
        (None, _) if longest > one.before.len() => return None,
        (_, None) if longest > other.before.len() => return None,
        // Long enough that what one wants at its start does not meet what the other wants at its end.
        (Some(_), Some(_)) => one.least() + other.least(),
        _ => longest,
    };
    let (mut ours, mut theirs) = (false, false);
    let mut common = Vec::with_capacity(length);
    for place in 0..length {
        let pair = (one.at(place, length), other.at(place, length));
        ours |= rank(pair.0) < rank(pair.1);
        theirs |= rank(pair.1) < rank(pair.0);
        common.push(match pair {
            (Segment::Literal(one), Segment::Literal(other)) if one != other => return None,
            (Segment::Literal(text), _) | (_, Segment::Literal(text)) => text.as_str(),
            _ => "x",
        });
    }
    (ours && theirs).then_some(common)
}

/// Lower is more specific.
fn rank(segment: &Segment) -> u8 {
    match segment {
        Segment::Literal(_) => 0,
        Segment::One => 1,
        Segment::Rest => 2,
    }
}
