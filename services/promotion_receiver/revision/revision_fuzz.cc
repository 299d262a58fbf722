// What is promised of revisions, for any text: the first line is a revision, the second the digest
// of an OCI artifact.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "services/promotion_receiver/revision/revision.h"

namespace {

void Expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gitops;  // NOLINT: a file of its own
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  const absl::string_view revision = text.substr(0, line);
  const absl::string_view digest = line == absl::string_view::npos ? "" : text.substr(line + 1);
  const std::string identity = RevisionIdentity(revision);
  // It is compared with identities again, and never grows.
  Expect(RevisionIdentity(identity) == identity);
  Expect(identity.size() <= revision.size());
  Expect(identity.empty() == revision.empty() || absl::StrContains(revision, ":"));
  // The old and the new form of one commit are one revision, whatever the branch is called.
  const std::string commit = "d6cd1e2bd19e03a81132a23b2025920577f84e37";
  for (const std::string& form :
       {absl::StrCat(revision, "/", commit), absl::StrCat(revision, "@sha1:", commit),
        absl::StrCat("sha1:", commit)}) {
    Expect(RevisionIdentity(form) == commit);
  }
  const std::string version = VersionOfRevision(revision, digest);
  Expect(absl::StartsWith(revision, version));
  Expect(version.empty() == revision.empty());
  const absl::string_view dropped = revision.substr(version.size());
  Expect(dropped.empty() ||
         (dropped.front() == '+' && absl::StrContains(digest, dropped.substr(1))));
  return 0;
}
