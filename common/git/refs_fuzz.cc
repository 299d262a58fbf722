// What the checks of names and URLs promise for any text, and what is read of git's output.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/git/refs.h"
#include "common/git/url.h"

namespace {

using namespace gitops;  // NOLINT: a file of its own

void Expect(bool holds) {
  if (!holds) std::abort();
}

// The rules of git-check-ref-format(1), with --branch.
bool MayBeBranch(absl::string_view name) {
  if (name.empty() || name == "@" || name == "HEAD" || name.front() == '-' || name.back() == '.') {
    return false;
  }
  if (absl::StrContains(name, "..") || absl::StrContains(name, "@{")) return false;
  for (const absl::string_view part : absl::StrSplit(name, '/')) {
    if (part.empty() || part.front() == '.' || absl::EndsWith(part, ".lock")) return false;
  }
  return std::none_of(name.begin(), name.end(), [](unsigned char c) {
    return c < 0x20 || c == 0x7f || absl::StrContains(" ~^:?*[\\", std::string(1, c));
  });
}

void CheckUrls(absl::string_view text) {
  // A password in a URL is never printed.
  const std::string url = absl::StrCat("https://joe:hunter2@", text);
  if (absl::StrContains(text, "hunter2")) return;
  Expect(!absl::StrContains(RedactUrl(url), "hunter2"));
  for (const absl::Status& status : {CheckUpstreamUrl(url), CheckHttpUrl(url)}) {
    Expect(!absl::StrContains(status.message(), "hunter2"));
    Expect(status.ok() || absl::IsInvalidArgument(status));
  }
  const absl::Status upstream = CheckUpstreamUrl(text);
  // git takes what begins with a dash as an option, and runs the helper that "NAME::" names.
  if (upstream.ok()) {
    Expect(!absl::StartsWith(text, "-"));
    const absl::string_view name = text.substr(0, text.find("::"));
    Expect(name == text || !std::all_of(name.begin(), name.end(), [](unsigned char c) {
             return absl::ascii_isalnum(c) || c == '+' || c == '-' || c == '.';
           }));
  }
  if (CheckHttpUrl(text).ok()) Expect(absl::StartsWithIgnoreCase(text, "http"));
  Expect(RedactUrl(text).size() <= text.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::Status branch = CheckBranch(text);
  Expect(branch.ok() || absl::IsInvalidArgument(branch));
  // It is logged, and printed on terminals.
  Expect(branch.message().size() < 1500 && branch.message().find('\n') == absl::string_view::npos);
  if (branch.ok()) Expect(MayBeBranch(text));
  if (IsObjectId(text)) {
    Expect(text.size() == 40 || text.size() == 64);
    Expect(std::all_of(text.begin(), text.end(), [](unsigned char c) {
      return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
    }));
  }
  CheckUrls(text);
  const std::set<std::string> wanted = {"refs/heads/main", "refs/heads/next"};
  for (const auto& [ref, commit] : ParseRefs("u", text, wanted)) {
    Expect(wanted.contains(ref));
    if (commit.ok()) Expect(IsObjectId(*commit) && absl::StrContains(text, *commit));
  }
  return 0;
}
