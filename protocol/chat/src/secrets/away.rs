//! What was published for who writes while we are away (XEP-0187), and what has come in for it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use esession::{Published, Replays, Secret};
use minidom::Element;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::inner::parse_element;

/// So many sets of options are kept: somebody may have read one just before the next took its place.
const MOST: usize = 3;

/// The sets of options, the newest last.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Away(Vec<Kept>);

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    /// The form, as XML.
    form: String,
    /// Base64.
    seed: String,
    /// Base64.
    marks: Vec<String>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl Away {
    /// These are published from now on. What has ended, and the oldest, can be read no more.
    pub fn keep(&mut self, published: &Published, now: u64) {
        self.0.retain(|kept| kept.published().and_then(|it| it.expires()).is_some_and(|expires| expires >= now));
        let (form, seed) = (String::from(published.form()), BASE64.encode(published.seed().expose()));
        self.0.push(Kept { form, seed, marks: Vec::new() });
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }

    /// Those that a form answers, by their place.
    #[must_use]
    pub fn answered_by(&self, form_b: &Element) -> Option<(usize, Published, Replays)> {
        self.0.iter().enumerate().find_map(|(place, kept)| {
            let published = kept.published()?;
            let marks = kept.marks.iter().filter_map(|mark| BASE64.decode(mark).ok()?.try_into().ok());
            published.expects(form_b).then(|| (place, published, Replays::restore(marks)))
        })
    }

    /// What has come in for those at this place.
    pub fn note(&mut self, place: usize, seen: &Replays) {
        if let Some(kept) = self.0.get_mut(place) {
            kept.marks = seen.marks().map(|mark| BASE64.encode(mark)).collect();
        }
    }
}

impl Kept {
    fn published(&self) -> Option<Published> {
        let seed = Zeroizing::new(BASE64.decode(&self.seed).ok()?);
        Some(Published::restore(parse_element(&self.form).ok()?, Secret::new(&seed)))
    }
}
