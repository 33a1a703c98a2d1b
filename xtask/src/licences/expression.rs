//! SPDX licence expressions (SPDX specification, annex D): `A OR B AND (C OR D)`.

/// Whether the expression holds when exactly the licences that `allowed` accepts may be used. One that cannot be
/// read does not hold.
pub(super) fn holds(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    // Before SPDX expressions, crates wrote `MIT/Apache-2.0`.
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words = spaced.split_whitespace().collect::<Vec<_>>();
    let mut parser = Parser {
        words: &words,
        allowed,
    };
    parser.any() == Some(true) && parser.words.is_empty()
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Option<bool> {
        let mut holds = self.every()?;
        while self.eat("OR") {
            holds |= self.every()?;
        }
        Some(holds)
    }

    fn every(&mut self) -> Option<bool> {
        let mut holds = self.one()?;
        while self.eat("AND") {
            holds &= self.one()?;
        }
        Some(holds)
    }

    fn one(&mut self) -> Option<bool> {
        if self.eat("(") {
            let holds = self.any()?;
            return self.eat(")").then_some(holds);
        }
        let licence = self.next()?;
        if self.eat("WITH") {
            let exception = self.next()?;
            return Some((self.allowed)(&format!("{licence} WITH {exception}")));
        }
        Some((self.allowed)(licence))
    }

    fn eat(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn next(&mut self) -> Option<&'a str> {
        let (word, rest) = self.words.split_first()?;
        self.words = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::holds;

    fn check(expression: &str) -> bool {
        holds(expression, &|licence| {
            ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].contains(&licence)
        })
    }

    #[test]
    fn one_alternative_is_enough() {
        assert!(check("MIT"));
        assert!(check("GPL-3.0 OR MIT"));
        assert!(check("GPL-3.0/MIT"));
        assert!(check("Apache-2.0 WITH LLVM-exception OR GPL-3.0"));
        assert!(check("ISC AND (GPL-3.0 OR MIT)"));
    }

    #[test]
    fn every_part_of_a_conjunction_counts() {
        assert!(!check("MIT AND GPL-3.0"));
        assert!(!check("ISC AND (GPL-3.0 OR AGPL-3.0)"));
    }

    #[test]
    fn what_cannot_be_read_does_not_hold() {
        for expression in ["", "MIT OR", "(MIT", "MIT ISC", "MIT )", "Apache-2.0 WITH"] {
            assert!(!check(expression), "{expression:?}");
        }
    }
}
