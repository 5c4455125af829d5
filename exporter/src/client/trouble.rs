//! Which trouble with a receiver is worth a line in the log. Pure: the time is passed in.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// The same trouble is logged so often at most.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// When each kind of trouble was last logged, by its reason. There are no more of them than
/// statuses.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    logged: BTreeMap<String, Instant>,
    is_on: bool,
}

impl Trouble {
    /// There is trouble: whether to log it.
    pub(crate) fn is_news(&mut self, reason: &str, now: Instant) -> bool {
        let logged = self.logged.get(reason);
        let is_news = logged.is_none_or(|logged| now - *logged >= LOG_EVERY);
        if is_news {
            self.logged.insert(reason.to_owned(), now);
            self.is_on = true;
        }
        is_news
    }

    /// There is none: whether the log says that there is.
    pub(crate) fn is_over(&mut self) -> bool {
        std::mem::take(&mut self.is_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_trouble_is_news_once_a_minute() {
        let mut trouble = Trouble::default();
        let start = Instant::now();
        assert!(trouble.is_news("http_503", start));
        assert!(!trouble.is_news("http_503", start));
        assert!(trouble.is_news("http_400", start), "another kind");
        assert!(trouble.is_over());
        assert!(!trouble.is_over());
        assert!(!trouble.is_news("http_503", start), "it comes and goes");
        assert!(!trouble.is_over(), "nothing was said of it");
        assert!(trouble.is_news("http_503", start + LOG_EVERY));
    }
}
