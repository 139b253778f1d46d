//! Who else is in a direct chat, and what is said while they are: that is not carried.

use std::collections::BTreeSet;

use drawbridge_bridge::{ContactId, Event, Sender};
use matrix_sdk::deserialized_responses::TimelineEvent;
use matrix_sdk::ruma::{OwnedUserId, UserId};
use matrix_sdk::{Room, RoomMemberships};
use serde::{Deserialize, Serialize};

use crate::digest::conv_of;
use crate::sync::{Halt, Line};

/// People besides the two, at one point of a direct chat's timeline.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Company {
    others: BTreeSet<OwnedUserId>,
    /// Messages passed over because of them.
    passed_over: u32,
    /// Whether the user knows.
    told: bool,
}

#[derive(Deserialize)]
struct MemberEvent {
    #[serde(rename = "type")]
    kind: String,
    state_key: OwnedUserId,
    content: Membership,
}

#[derive(Deserialize)]
struct Membership {
    membership: String,
}

impl Company {
    /// Goes over an event: somebody may come or leave by it.
    pub(crate) fn follow(&mut self, event: &TimelineEvent, the_two: [&UserId; 2]) {
        let Ok(event) = event.raw().deserialize_as_unchecked::<MemberEvent>() else { return };
        if event.kind != "m.room.member" || the_two.contains(&event.state_key.as_ref()) {
            return;
        }
        match event.content.membership.as_str() {
            "join" | "invite" => self.others.insert(event.state_key),
            _ => self.others.remove(&event.state_key),
        };
    }

    /// Whether the two are by themselves, and one of them speaks. What others say is never shown as the contact's.
    pub(crate) fn is_alone(&mut self, speaker: Option<&Sender>, contact: &UserId) -> bool {
        let one_of_us = speaker.is_some_and(|speaker| speaker.is_me || speaker.id.as_str() == contact.as_str());
        let alone = self.others.is_empty() && one_of_us;
        if !alone {
            self.passed_over = self.passed_over.saturating_add(1);
        }
        alone
    }
}

impl Line<'_> {
    /// Tells when others have come to a direct chat, and when they have gone.
    pub(crate) async fn company(&self, room: &Room, contact: &UserId, crowd: bool) -> Result<(), Halt> {
        let before = self.journal.company(room.room_id()).await?;
        let mut now = before.clone();
        // The members as they are; a timeline with a hole may not have shown who came or left.
        now.others = if crowd { others(room, contact).await? } else { BTreeSet::new() };
        let text = match (before.told, now.others.is_empty(), now.passed_over) {
            (false, false, _) => Some(format!(
                "Somebody else is in your direct chat with {contact}, or invited to it. It is not bridged while that \
                 is so: nothing that you write here is sent, and what is written there is not shown here."
            )),
            (true, true, passed_over) => Some(format!(
                "You and {contact} are by yourselves again, and your direct chat goes on here.{}",
                missed(passed_over)
            )),
            (false, true, passed_over @ 1..) => Some(format!(
                "Somebody else was in your direct chat with {contact} for a while.{}",
                missed(passed_over)
            )),
            _ => None,
        };
        now.told = !now.others.is_empty();
        if now.others.is_empty() {
            now.passed_over = 0;
        }
        if let Some(text) = text {
            let conv = Some(conv_of(room.room_id()));
            let contact = Some(ContactId::new(contact.as_str()));
            self.deliver(self.session.reader.notice(conv, Event::TrustNotice { contact, text, blocks: false })).await?;
        }
        if now != before {
            self.journal.set_company(room.room_id(), &now).await?;
        }
        Ok(())
    }
}

async fn others(room: &Room, contact: &UserId) -> Result<BTreeSet<OwnedUserId>, Halt> {
    let members = Box::pin(room.members(RoomMemberships::ACTIVE)).await?;
    let ids = members.iter().map(|member| member.user_id());
    Ok(ids.filter(|id| *id != room.own_user_id() && *id != contact).map(ToOwned::to_owned).collect())
}

fn missed(messages: u32) -> String {
    match messages {
        0 => String::new(),
        1 => " One message was written there meanwhile; you find it in other Matrix clients.".to_owned(),
        _ => format!(" {messages} messages were written there meanwhile; you find them in other Matrix clients."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use matrix_sdk::ruma::serde::Raw;
    use matrix_sdk::ruma::user_id;
    use serde_json::json;

    fn member(who: &str, membership: &str) -> TimelineEvent {
        let event = json!({"type": "m.room.member", "state_key": who, "sender": who, "event_id": "$1",
            "origin_server_ts": 1, "content": {"membership": membership}});
        TimelineEvent::from_plaintext(Raw::new(&event).unwrap().cast_unchecked())
    }

    fn says(company: &mut Company, who: &str, is_me: bool) -> bool {
        let sender = Sender { id: ContactId::new(who), is_me };
        company.is_alone(Some(&sender), user_id!("@bob:a.org"))
    }

    fn follow(company: &mut Company, who: &str, membership: &str) {
        company.follow(&member(who, membership), [user_id!("@me:a.org"), user_id!("@bob:a.org")]);
    }

    #[test]
    fn nothing_is_carried_while_somebody_else_is_there() {
        let mut company = Company::default();
        follow(&mut company, "@bob:a.org", "join");
        assert!(says(&mut company, "@bob:a.org", false) && says(&mut company, "@me:a.org", true));
        follow(&mut company, "@eve:a.org", "invite");
        assert!(!says(&mut company, "@bob:a.org", false) && !says(&mut company, "@me:a.org", true));
        follow(&mut company, "@eve:a.org", "leave");
        assert!(says(&mut company, "@bob:a.org", false));
        assert_eq!(company.passed_over, 2);
    }

    #[test]
    fn a_stranger_never_speaks_as_the_contact() {
        assert!(!says(&mut Company::default(), "@eve:a.org", false));
    }

    #[test]
    fn malformed_memberships_change_nothing() {
        let mut company = Company::default();
        let event = json!({"type": "m.room.member", "state_key": "eve", "content": {"membership": 7}});
        let event = TimelineEvent::from_plaintext(Raw::new(&event).unwrap().cast_unchecked());
        company.follow(&event, [user_id!("@me:a.org"), user_id!("@bob:a.org")]);
        assert_eq!(company, Company::default());
    }
}
