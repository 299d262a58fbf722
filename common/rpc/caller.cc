#include "common/rpc/caller.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

constexpr size_t kMaxUser = 100;
constexpr size_t kMaxPeer = 60;
// What the server that forwards a name may add (" through the planner").
constexpr size_t kMaxAddition = 24;

// Parentheses are dropped so that a name cannot look like the part that we vouch for.
std::string Sanitized(absl::string_view text, size_t max) {
  std::string result;
  for (const char c : text) {
    if (result.size() == max) break;
    if (absl::ascii_isprint(c) && c != '(' && c != ')') result += c;
  }
  absl::RemoveExtraAsciiWhitespace(&result);
  return result;
}

std::string PeerHost(absl::string_view peer) {
  if (absl::StartsWith(peer, "unix")) return "unix";
  std::string host = absl::StrReplaceAll(peer.substr(0, peer.rfind(':')),
                                         {{"%5B", ""}, {"%5D", ""}, {"[", ""}, {"]", ""}});
  return Sanitized(host, kMaxPeer);
}

std::string UserName(absl::string_view user, size_t max) {
  const std::string name = Sanitized(user, max);
  return name.empty() ? "unnamed" : name;
}

absl::string_view ClaimedUser(const grpc::ServerContext& context) {
  const auto user = context.client_metadata().find(kUserMetadata);
  if (user == context.client_metadata().end()) return "";
  return absl::string_view(user->second.data(), user->second.size());
}

}  // namespace

std::string FormatCaller(absl::string_view user, absl::string_view peer) {
  return absl::StrCat(UserName(user, kMaxUser), " (", PeerHost(peer), ", not authenticated)");
}

std::string FormatForwardedCaller(absl::string_view user, absl::string_view peer) {
  const std::string host = PeerHost(peer);
  const std::string origin = host == "unix" ? "" : absl::StrCat(" from ", host);
  // The whole is a claimed name again, of which no more than kMaxUser is kept.
  return absl::StrCat(UserName(user, kMaxUser - kMaxAddition - origin.size()), origin);
}

std::string CallerName(const grpc::ServerContext& context) {
  return FormatCaller(ClaimedUser(context), context.peer());
}

std::string ForwardedCallerName(const grpc::ServerContext& context) {
  return FormatForwardedCaller(ClaimedUser(context), context.peer());
}

}  // namespace gitops
