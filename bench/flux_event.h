#ifndef GITOPS_BENCH_FLUX_EVENT_H_
#define GITOPS_BENCH_FLUX_EVENT_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gitops {

// The JSON of a successful upgrade of the HelmRelease shopping/search to this revision, as
// helm-controller reports it. Its summary is as long as needed for `size` bytes in all, at least
// 700.
std::string FluxEvent(absl::string_view revision, absl::Time time, size_t size);

}  // namespace gitops

#endif  // GITOPS_BENCH_FLUX_EVENT_H_
