//! "Did you mean …?"

/// The known word that was probably meant.
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LIKENESS: f64 = 0.75;
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(word, known), known))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn the_closest_word_wins_and_a_far_one_does_not() {
        let known = ["orders", "order-archive", "payments"];
        assert_eq!(closest("ordes", known), Some("orders"));
        assert_eq!(closest("zzz", known), None);
    }
}
