//! POST to `/control`: changes and refreshes of groups by an administrator, as the reference system
//! has them. Access is decided by THE table before this is reached.

use serde::Deserialize;

use super::context::Context;
use super::left_over;
use crate::dav::{Error, Response, Result};
use crate::principal::live::PrincipalError;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Action {
    /// Members join a group.
    AddGroupMembers { group: String, members: Vec<String> },
    /// Members leave a group.
    RemoveGroupMembers { group: String, members: Vec<String> },
    /// Events that invite groups follow their members; always done before the answer.
    RefreshGroups {},
}

/// Answers the request.
pub fn run(context: &Context) -> Result<Response> {
    let action: Action = serde_json::from_slice(&context.request.body)
        .map_err(|error| Error::bad_request(error.to_string()))?;
    let principals = &context.app.principals;
    let changed = match &action {
        Action::AddGroupMembers { group, members } => {
            principals.change_members(group, members, &[])
        }
        Action::RemoveGroupMembers { group, members } => {
            principals.change_members(group, &[], members)
        }
        Action::RefreshGroups {} => {
            left_over::refresh_groups(context.app)?;
            Ok(())
        }
    };
    match changed {
        Ok(()) => Ok(Response::new(200).with_body("application/json", "{\"result\":\"ok\"}\n")),
        Err(error @ (PrincipalError::Unknown(_) | PrincipalError::NotGroup(_))) => {
            Err(Error::bad_request(error.to_string()))
        }
        Err(error) => {
            tracing::error!(%error, "cannot change a group");
            Err(Error::status(500))
        }
    }
}
