//! What the daemon reports, as tables for people.

use std::time::Duration;

use crate::control::{StatusReport, UserReport};

/// `drawbridge users`
pub(super) fn users(users: &[UserReport]) -> String {
    if users.is_empty() {
        return "Nobody is registered.".into();
    }
    let mut rows = vec![["user", "network", "account", "login", "contacts"].map(str::to_owned)];
    rows.extend(users.iter().map(|user| {
        [
            user.jid.clone(),
            user.network.clone(),
            user.account.clone().unwrap_or_else(|| "-".into()),
            user.state.as_ref().map_or_else(|| "none".into(), ToString::to_string),
            user.contacts.to_string(),
        ]
    }));
    table(&rows)
}

/// `drawbridge status`
pub(super) fn status(status: &StatusReport) -> String {
    let mut rows =
        vec![["network", "component", "link", "users", "online", "waiting", "must log in"].map(str::to_owned)];
    rows.extend(status.networks.iter().map(|network| {
        [
            network.network.clone(),
            network.jid.clone(),
            if network.link { "up" } else { "down" }.into(),
            network.users.to_string(),
            network.online.to_string(),
            network.waiting.to_string(),
            network.over.to_string(),
        ]
    }));
    format!("drawbridge {}, up for {}\n{}", status.version, lasting(status.uptime), table(&rows))
}

/// Columns as wide as their widest cell.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn lasting(seconds: u64) -> String {
    let minutes = Duration::from_secs(seconds).as_secs() / 60;
    match (minutes / 60 / 24, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::LoginState;
    use crate::control::NetworkReport;

    #[test]
    fn users_line_up_in_columns() {
        let user = |jid: &str, account: Option<&str>, state| UserReport {
            network: "echo".into(),
            jid: jid.into(),
            account: account.map(Into::into),
            state,
            contacts: 3,
        };
        let shown =
            users(&[user("alice@example.org", Some("al@echo"), Some(LoginState::Online)), user("b@c.d", None, None)]);
        assert_eq!(
            shown,
            "user               network  account  login   contacts\n\
             alice@example.org  echo     al@echo  online  3\n\
             b@c.d              echo     -        none    3"
        );
    }

    #[test]
    fn the_status_says_since_when_and_how() {
        let network = NetworkReport {
            network: "echo".into(),
            jid: "echo.example.org".into(),
            link: true,
            users: 4,
            online: 2,
            waiting: 1,
            over: 1,
        };
        let shown = status(&StatusReport { version: "1.2.3".into(), uptime: 7260, networks: vec![network] });
        assert_eq!(
            shown,
            "drawbridge 1.2.3, up for 2 h 1 min\n\
             network  component         link  users  online  waiting  must log in\n\
             echo     echo.example.org  up    4      2       1        1"
        );
    }
}
