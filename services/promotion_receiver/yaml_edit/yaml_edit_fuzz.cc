// What SetMarkedScalars promises, for any text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "services/promotion_receiver/yaml_edit/yaml_edit.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const gitops::MarkedEnvironment environment{"a", "b", "c"};
  const gitops::PromotedVersion version{.version = "1.10"};
  const auto edit = gitops::SetMarkedScalars(text, "f", environment, version);
  if (!edit.ok()) return 0;
  if (edit->markers == 0 && edit->text != text) std::abort();
  // A second edit finds the same markers, and nothing to change.
  const auto again = gitops::SetMarkedScalars(edit->text, "f", environment, version);
  if (!again.ok() || again->text != edit->text || again->markers != edit->markers) std::abort();
  return 0;
}
