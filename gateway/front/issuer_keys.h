#ifndef GITOPS_GATEWAY_FRONT_ISSUER_KEYS_H_
#define GITOPS_GATEWAY_FRONT_ISSUER_KEYS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/jwt/key_set.h"
#include "common/schedule/scheduler.h"
#include "common/sync/mutex.h"
#include "gateway/front/issuers.h"
#include "gateway/front/tokens.h"

namespace gitops {

// How often keys are asked for, and how often at most when a token names an unknown one.
inline constexpr absl::Duration kKeyRefresh = absl::Minutes(10);
inline constexpr absl::Duration kShortestKeyRefresh = absl::Seconds(10);

// Identifies callers by JWTs of the issuers of the token file. Asks the issuers for their keys in
// the background, at OPENID-URL/.well-known/openid-configuration and where that says, and keeps the
// last ones while an issuer is down. Thread-safe; requests never wait for an issuer.
class IssuerKeys {
 public:
  // `tokens` as of FrontOptions. Nothing is owned; all must outlive it.
  IssuerKeys(std::function<std::shared_ptr<const Tokens>()> tokens, Clock* clock,
             Scheduler* scheduler, HttpClient* http);

  // The caller that a JWT proves, as a token of that name would. Errors never have text of the
  // token but its subject, and that only once its signature was verified. UNAUTHENTICATED: it is
  // not valid; PERMISSION_DENIED: no rule admits it; UNAVAILABLE: there are no keys of its issuer
  // yet, or none for it: they are asked for now, so another attempt may succeed.
  absl::StatusOr<Token> Identify(absl::string_view jwt);

 private:
  struct Keys {
    std::shared_ptr<const KeySet> set;  // null: none yet
    absl::Status fault;                 // of the last attempt
  };

  absl::Time Fetch();
  absl::StatusOr<KeySet> FetchKeys(const Issuer& issuer) const;
  absl::StatusOr<std::string> Get(const Issuer& issuer, const std::string& url) const;
  void AskSoon();
  absl::Status Missing(const Issuer& issuer, const Keys& keys);

  const std::function<std::shared_ptr<const Tokens>()> tokens_;
  Clock* const clock_;
  HttpClient* const http_;
  int failures_ = 0;  // of the job only
  Mutex mutex_;
  std::map<std::string, Keys> keys_ ABSL_GUARDED_BY(mutex_);        // by the issuer's URL
  absl::Time last_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();  // begin of an attempt
  std::unique_ptr<Scheduler::Job> job_;                             // last: it calls Fetch()
};

}  // namespace gitops

#endif  // GITOPS_GATEWAY_FRONT_ISSUER_KEYS_H_
