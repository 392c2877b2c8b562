//! Who may do what.
//!
//! Files are read elsewhere: here their bytes become something that answers questions. Nothing in here fails open: what
//! cannot be understood is an error, and what is not allowed by a rule is denied.

pub mod acl;
pub mod password;
pub mod psk;
