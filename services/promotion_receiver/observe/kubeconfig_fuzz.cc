// What ParseKubeconfig promises, for any text.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/match.h"
#include "services/promotion_receiver/observe/kubeconfig.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto access = gitops::ParseKubeconfig(text, "/f", "");
  if (!access.ok()) {
    if (!absl::IsInvalidArgument(access.status())) std::abort();
    return 0;
  }
  if (!absl::StartsWithIgnoreCase(access->server, "http")) std::abort();
  return 0;
}
