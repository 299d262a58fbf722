#include "bench/flux_event.h"

#include "absl/strings/str_cat.h"

namespace gitops {

std::string FluxEvent(absl::string_view revision, absl::Time time, size_t size) {
  const std::string front = absl::StrCat(
      R"({"involvedObject":{"kind":"HelmRelease","namespace":"shopping","name":"search",)",
      R"("uid":"57c3579b-42da-4f27-afc5-8bd7778286e1","apiVersion":"helm.toolkit.fluxcd.io/v2",)",
      R"("resourceVersion":"155540"},"severity":"info","timestamp":")",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()),
      R"(","message":"Helm upgrade succeeded for release shopping/search.v42 with chart search@)",
      revision, R"(","reason":"UpgradeSucceeded","metadata":{"revision":")", revision,
      R"(","app.kubernetes.io/part-of":"shop","summary":")");
  constexpr char kBack[] =
      R"("},"reportingController":"helm-controller","reportingInstance":"helm-controller-7cdc7874f8-9qpft"})";
  const size_t used = front.size() + sizeof(kBack) - 1;
  return absl::StrCat(front, std::string(used < size ? size - used : 0, 's'), kBack);
}

}  // namespace gitops
