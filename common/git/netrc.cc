#include "common/git/netrc.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

// The next word of a .netrc, which may be quoted; empty at the end.
std::string NextWord(absl::string_view* text) {
  *text = absl::StripLeadingAsciiWhitespace(*text);
  std::string word;
  if (!absl::ConsumePrefix(text, "\"")) {
    word = std::string(text->substr(0, std::min(text->find_first_of(" \t\r\n"), text->size())));
    text->remove_prefix(word.size());
    return word;
  }
  while (!text->empty() && text->front() != '"') {
    if (text->front() == '\\' && text->size() > 1) text->remove_prefix(1);
    word.push_back(text->front());
    text->remove_prefix(1);
  }
  absl::ConsumePrefix(text, "\"");
  return word;
}

}  // namespace

std::optional<Login> LoginIn(absl::string_view netrc, absl::string_view host,
                             absl::string_view user) {
  std::optional<Login> entry;  // of the host, while it is read
  const auto complete = [&] {
    return entry.has_value() && !entry->password.empty() && (user.empty() || entry->user == user);
  };
  while (true) {
    const std::string word = NextWord(&netrc);
    if (word.empty() && netrc.empty()) break;
    if (word == "machine" || word == "default") {
      if (complete()) break;
      const bool ours = word == "default" || absl::EqualsIgnoreCase(NextWord(&netrc), host);
      entry = ours ? std::optional<Login>(std::in_place) : std::nullopt;
    } else if (word == "macdef") {
      netrc.remove_prefix(std::min(netrc.find("\n\n"), netrc.size()));
    } else if (absl::StartsWith(word, "#")) {
      netrc.remove_prefix(std::min(netrc.find('\n'), netrc.size()));
    } else if (word == "login" || word == "password") {
      std::string value = NextWord(&netrc);
      if (entry.has_value()) (word == "login" ? entry->user : entry->password) = std::move(value);
    }
  }
  return complete() ? entry : std::nullopt;
}

}  // namespace gitops
