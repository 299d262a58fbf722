// What the readers of a build server's answers promise for any text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "agent/nix/hydra_json.h"
#include "agent/nix/store_path.h"
#include "common/text/utf8.h"

namespace {

using namespace gitops;  // NOLINT: a file of its own

void Expect(bool holds) {
  if (!holds) std::abort();
}

// It is logged, stored and printed on terminals.
void ExpectPrintable(absl::string_view text) {
  Expect(text.size() < 2000 && IsValidUtf8(text));
  for (const unsigned char c : text) Expect(c >= 0x20 && c != 0x7f);
}

void CheckBuild(const HydraBuild& build) {
  Expect(!Succeeded(build) || !IsKnownNotToHaveSucceeded(build));
  const absl::StatusOr<std::string> path = OutputOf(build, "/nix/store");
  if (!path.ok()) {
    Expect(absl::IsFailedPrecondition(path.status()));
    return ExpectPrintable(path.status().message());
  }
  // It becomes an argument of nix-store.
  Expect(CheckStorePath(*path, "/nix/store").ok());
  Expect(path->find('/', 11) == std::string::npos && path->find("..") != 11);
  Expect(RevisionOf(*path, "/nix/store").size() == 40);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<HydraBuild> build = ReadBuild(text);
  if (build.ok()) {
    CheckBuild(*build);
  } else {
    Expect(absl::IsDataLoss(build.status()));
    ExpectPrintable(build.status().message());
  }
  const auto builds = ReadBuilds(text);
  if (builds.ok()) {
    for (const HydraBuild& one : *builds) CheckBuild(one);
  }
  const auto page = ReadEvaluations(text);
  if (page.ok()) {
    for (size_t i = 1; i < page->ids.size(); ++i) Expect(page->ids[i - 1] >= page->ids[i]);
  }
  const absl::StatusOr<std::string> errors = ReadErrors(text);
  if (errors.ok()) ExpectPrintable(*errors);
  ExpectPrintable(ReadErrorAnswer(text));
  const absl::Status path = CheckStorePath(text, "/nix/store");
  if (!path.ok()) ExpectPrintable(path.message());
  return 0;
}
