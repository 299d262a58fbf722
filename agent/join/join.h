#ifndef GITOPS_AGENT_JOIN_JOIN_H_
#define GITOPS_AGENT_JOIN_JOIN_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/log/secret.h"

namespace gitops {

struct JoinOptions {
  std::string planner;  // "https://HOST:PORT"
  Secret token;
  std::string ca_hash;  // SHA-256 of an authority's certificate, hex
  std::string tls_dir;
  std::string host;  // the name of this host in the fleet
};

// In a --tls-dir: its certificate came from a planner, and the agent renews it there.
inline constexpr char kJoinedMark[] = "joined";

// Gets this host its certificate from a planner, and makes the files of --tls-dir. The key is made
// here, and stays; a repeated call uses the same. The planner is trusted only if its certificate
// leads to the authority with `ca_hash`; otherwise it does not get the token. Returns a sentence
// for people, also if the host has joined already, which asks nobody.
//
// INVALID_ARGUMENT: wrong options, or the token is for another host. FAILED_PRECONDITION: the clock
// is wrong by minutes; the files are of somebody else; the authority has another hash.
// PERMISSION_DENIED: the planner refused; the message has its reason. UNAVAILABLE: it cannot be
// reached, or cannot issue now. Or by errno.
absl::StatusOr<std::string> Join(const JoinOptions& options, HttpClient& http, Clock& clock);

}  // namespace gitops

#endif  // GITOPS_AGENT_JOIN_JOIN_H_
