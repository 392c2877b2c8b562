//! Plugins and their options.

use super::Scope::{ExplicitListener, Plugin, Security};
use super::{Argument, Declaration, Repeat};

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::text("plugin", Repeat::Adds)
        .aliases(&["auth_plugin"])
        .scope(Security)
        .value("path")
        .help("Load a plugin; the plugin options below it belong to it."),
    Declaration::text("global_plugin", Repeat::Adds)
        .since("2.1")
        .value("path")
        .help("As plugin, always for the whole broker."),
    Declaration::words("plugin_load", "a name for the plugin, then its path")
        .since("2.1")
        .value("name path")
        .help("Load a plugin under a name, for plugin_use."),
    Declaration::text("plugin_use", Repeat::Adds)
        .scope(ExplicitListener)
        .since("2.1")
        .value("name")
        .help("Use a plugin that was loaded under this name on this listener."),
    Declaration::new("plugin_opt_KEY", Argument::KeyValue)
        .aliases(&["auth_opt_KEY"])
        .scope(Plugin)
        .help("Pass a key and a value to the plugin."),
    Declaration::bool("auth_plugin_deny_special_chars")
        .default("true")
        .scope(Plugin)
        .since("1.4.13")
        .help("Ask the plugin nothing about clients with wildcards or slashes in their id or username."),
];
