#ifndef GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_ANSWER_H_
#define GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_ANSWER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/http/client.h"
#include "common/log/secret.h"

namespace gitops {

// What is said about a request that failed.
struct Attempt {
  std::string what;             // "opening a pull request in https://github.com/acme/shop"
  absl::Time now;               // for times in headers
  std::vector<Secret> secrets;  // replaced in what the server says
};

// OK for 2xx. Else, with the server's own words: UNAUTHENTICATED: 401, or a sign-in page in place
// of an answer; PERMISSION_DENIED: 403; NOT_FOUND: 404 and 410; RESOURCE_EXHAUSTED: a rate limit,
// with RetryInfo; UNAVAILABLE: 408, 425 and 5xx, with RetryInfo if the server says when;
// FAILED_PRECONDITION: a redirect and everything else.
absl::Status StatusOfAnswer(const Attempt& attempt, const HttpResponse& answer);

// The same for an exchange without a complete answer: what the client's status means for a
// promotion. What may pass is UNAVAILABLE or DEADLINE_EXCEEDED.
absl::Status StatusOfExchange(const Attempt& attempt, const absl::Status& status);

// The start of what a server said, on one line, without secrets and control characters.
std::string Excerpt(const Attempt& attempt, absl::string_view said);

bool IsJsonAnswer(const HttpResponse& answer);

}  // namespace gitops

#endif  // GITOPS_SERVICES_PROMOTION_RECEIVER_PROVIDER_ANSWER_H_
