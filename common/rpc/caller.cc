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

}  // namespace

std::string FormatCaller(absl::string_view user, absl::string_view peer) {
  std::string name = Sanitized(user, kMaxUser);
  if (name.empty()) name = "unnamed";
  return absl::StrCat(name, " (", PeerHost(peer), ", not authenticated)");
}

std::string CallerName(const grpc::ServerContext& context) {
  const auto user = context.client_metadata().find(kUserMetadata);
  if (user == context.client_metadata().end()) return FormatCaller("", context.peer());
  return FormatCaller(absl::string_view(user->second.data(), user->second.size()), context.peer());
}

}  // namespace gitops
