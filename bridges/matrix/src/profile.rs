//! People: their names, their pictures, and finding them.

use async_trait::async_trait;
use drawbridge_bridge::event::Avatar;
use drawbridge_bridge::{ContactId, ContactInfo, ConvInfo, Directory, Error};
use matrix_sdk::Client;
use matrix_sdk::deserialized_responses::TimelineEvent;
use matrix_sdk::media::{MediaFormat, MediaRequestParameters, MediaThumbnailSettings};
use matrix_sdk::ruma::events::room::MediaSource;
use matrix_sdk::ruma::profile::{AvatarUrl, DisplayName};
use matrix_sdk::ruma::{OwnedMxcUri, UInt, UserId};

use crate::contact_id;
use crate::error::Fault;
use crate::journal::Journal;
use crate::rooms::View;
use crate::session::{MatrixSession, user};

/// Points on a side.
const AVATAR_SIDE: u32 = 96;
/// Octets; a thumbnail of that size is far below.
const AVATAR_OCTETS: usize = 64 * 1024;

#[async_trait]
impl Directory for MatrixSession {
    async fn resolve(&self, contact: &ContactId) -> Result<ContactInfo, Error> {
        let client = self.client().await?;
        Ok(Box::pin(fetch(&client, &user(contact)?)).await?)
    }

    async fn search(&self, text: &str, limit: usize) -> Result<Vec<ContactInfo>, Error> {
        let client = self.client().await?;
        let mut people = Vec::new();
        // A directory knows few people of other servers; whoever is named by id is found all the same.
        if let Some(named) = contact_id::parse(text) {
            match Box::pin(fetch(&client, &user(&named)?)).await {
                Ok(info) => people.push(info),
                Err(Fault::LoggedOut) => return Err(Error::LoggedOut),
                Err(_) => {}
            }
        }
        let wanted = u64::try_from(limit).unwrap_or(u64::MAX).clamp(1, 50);
        let found = Box::pin(client.search_users(text, wanted)).await.map_err(Fault::from)?;
        for person in found.results {
            let id = ContactId::new(person.user_id.as_str());
            if person.user_id != self.reader.user && people.iter().all(|known| known.id != id) {
                people.push(ContactInfo { id, name: person.display_name, avatar: None });
            }
        }
        people.truncate(limit);
        Ok(people)
    }

    async fn conversations(&self) -> Result<Vec<ConvInfo>, Error> {
        let client = self.client().await?;
        let journal = Journal::of(&client);
        let mut all = Vec::new();
        for room in client.joined_rooms() {
            all.push(View::of(&room, &journal).await?.info(room.room_id()));
        }
        Ok(all)
    }
}

/// A person's public profile.
///
/// # Errors
/// [`Fault::NotFound`] if there is no such person.
pub(crate) async fn fetch(client: &Client, person: &UserId) -> Result<ContactInfo, Fault> {
    let id = ContactId::new(person.as_str());
    let profile = match Box::pin(client.account().fetch_user_profile_of(person)).await.map_err(Fault::from) {
        Ok(profile) => profile,
        // There is somebody, who does not show their profile.
        Err(Fault::Refused(_)) => return Ok(ContactInfo { id, name: None, avatar: None }),
        Err(fault) => return Err(fault),
    };
    let name = profile.get_static::<DisplayName>().ok().flatten();
    let avatar = match profile.get_static::<AvatarUrl>().ok().flatten() {
        Some(picture) => thumbnail(client, picture).await,
        None => None,
    };
    Ok(ContactInfo { id, name, avatar })
}

/// A small form of a picture; a person without one is better than no person.
async fn thumbnail(client: &Client, picture: OwnedMxcUri) -> Option<Avatar> {
    let side = UInt::from(AVATAR_SIDE);
    let request = MediaRequestParameters {
        source: MediaSource::Plain(picture),
        format: MediaFormat::Thumbnail(MediaThumbnailSettings::new(side, side)),
    };
    let octets = Box::pin(client.media().get_media_content(&request, false)).await.ok()?;
    let media_type = kind_of(&octets)?.to_owned();
    (octets.len() <= AVATAR_OCTETS).then_some(Avatar { media_type, octets })
}

/// The media type by the file's first octets: the homeserver's word for it does not come with a thumbnail.
fn kind_of(octets: &[u8]) -> Option<&'static str> {
    match octets {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}

/// Whether a member event of the contact is among these: their name or picture may be new.
pub(crate) fn changed(events: &[TimelineEvent], contact: &UserId) -> bool {
    let is = |event: &TimelineEvent, field: &str, value: &str| {
        event.raw().get_field::<String>(field).ok().flatten().as_deref() == Some(value)
    };
    events.iter().any(|event| is(event, "type", "m.room.member") && is(event, "state_key", contact.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_pass_for_pictures() {
        assert_eq!(kind_of(b"\x89PNG\r\n\x1a\n"), Some("image/png"));
        assert_eq!(kind_of(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        assert_eq!(kind_of(b"<svg onload=alert(1)>"), None);
        assert_eq!(kind_of(b""), None);
    }
}
