//! The smallest plugin: greets the upstream.

use witgate_plugin::prelude::*;

/// Greets the upstream.
#[config]
struct Hello {
    /// Value of the `x-greeting` header.
    greeting: String,
}

#[policy]
impl Policy for Hello {
    fn on_request(&self, request: &mut Request) -> Result<Verdict> {
        request.set_header("x-greeting", &self.greeting)?;
        Ok(Verdict::Next)
    }
}

#[cfg(test)]
mod tests {
    use witgate_plugin::testing::{self, Exchange, TestRequest};

    use super::*;

    #[test]
    fn greets_in_place_of_the_client() {
        let hello: Hello = testing::configure(r#"{ "greeting": "hello" }"#).unwrap();
        let request = TestRequest::get("/").header("X-Greeting", "forged");
        let mut exchange = Exchange::new(&hello, request);
        assert_eq!(exchange.on_request().unwrap(), Verdict::Next);
        assert_eq!(
            exchange.request().header_values("x-greeting"),
            [b"hello".to_vec()]
        );
    }

    #[test]
    fn says_where_a_configuration_is_wrong() {
        let problems = testing::configure::<Hello>(r#"{ "greeting": 7 }"#).err();
        assert_eq!(problems.unwrap()[0].pointer, "/greeting");
    }
}
