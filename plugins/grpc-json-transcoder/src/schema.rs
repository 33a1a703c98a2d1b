//! Descriptors, parsed once for all configurations of an instance that use them.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::{Rc, Weak},
};

use prost_reflect::DescriptorPool;
use witgate_plugin::descriptors::DescriptorSet;

thread_local! {
    /// By digest.
    static PARSED: RefCell<HashMap<String, Weak<DescriptorPool>>> = RefCell::default();
}

/// The descriptors that the operator declared under this name. Parsed anew when nobody holds them any more.
pub(crate) fn open(name: &str) -> Result<Rc<DescriptorPool>, String> {
    let set = DescriptorSet::open(name)?;
    let digest = set.digest();
    PARSED.with_borrow_mut(|parsed| {
        if let Some(pool) = parsed.get(&digest).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        let pool = DescriptorPool::decode(set.bytes().as_slice())
            .map_err(|error| format!("the descriptors `{name}` cannot be used: {error}"))?;
        let pool = Rc::new(pool);
        parsed.retain(|_, pool| pool.strong_count() > 0);
        parsed.insert(digest, Rc::downgrade(&pool));
        Ok(pool)
    })
}
