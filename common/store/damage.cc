#include "common/store/damage.h"

#include <prometheus/metric_family.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/store/table.h"

namespace gitops {

std::string RecordKinds::NameOf(absl::string_view key) const {
  const absl::string_view rest = absl::StripPrefix(key, prefix);
  return std::string(rest.substr(0, rest.find('/')));
}

const RecordKind* RecordKinds::Of(absl::string_view key) const {
  const std::string name = NameOf(key);
  for (const RecordKind& kind : kinds) {
    if (absl::StartsWith(key, prefix) && name == kind.name) return &kind;
  }
  return nullptr;
}

absl::StatusOr<std::vector<std::pair<std::string, const char*>>> FindDamaged(
    Store& store, const RecordKinds& kinds, const std::function<bool()>& cancelled) {
  std::vector<std::pair<std::string, const char*>> found;
  absl::Status read =
      ForEachValue(store, kinds.prefix, "", [&](const StoredValue& value) -> absl::StatusOr<bool> {
        if (cancelled()) return absl::CancelledError("the caller has gone away");
        const RecordKind* const kind = kinds.Of(value.key);
        if (kind == nullptr || kind->is_good(value)) return true;
        store.damaged_records().Note(value.key, value.revision);
        found.emplace_back(value.key, kind->name);
        return true;
      });
  if (!read.ok()) return read;
  return found;
}

std::map<std::string, int> CountDamaged(Store& store, const RecordKinds& kinds) {
  std::map<std::string, int> counts;
  for (const auto& [key, revision] : store.damaged_records().Noted()) {
    const absl::StatusOr<StoredValue> value = store.Get(key);
    if (absl::IsNotFound(value.status()) || (value.ok() && value->revision != revision)) {
      store.damaged_records().Forget(key);
    } else {
      ++counts[kinds.NameOf(key)];
    }
  }
  return counts;
}

void ShowDamaged(Metrics& metrics, Store* store, const RecordKinds& kinds) {
  metrics.AddCollector([store, &kinds]() -> std::vector<prometheus::MetricFamily> {
    prometheus::MetricFamily family{
        .name = "gitops_store_damaged_records",
        .help = "Damaged records that were found in the store, by kind.",
        .type = prometheus::MetricType::Gauge,
        .metric = {}};
    for (const auto& [kind, count] : CountDamaged(*store, kinds)) {
      prometheus::ClientMetric& metric = family.metric.emplace_back();
      metric.label.push_back({.name = "kind", .value = kind});
      metric.gauge.value = count;
    }
    if (family.metric.empty()) return {};
    return {std::move(family)};
  });
}

absl::StatusOr<StoredValue> DamagedAt(Store& store, const RecordKinds& kinds,
                                      const std::string& key) {
  const RecordKind* const kind = kinds.Of(key);
  absl::StatusOr<StoredValue> value = store.Get(key);
  if (kind != nullptr && absl::IsNotFound(value.status())) {
    return absl::NotFoundError(absl::StrCat("there is no record ", key));
  }
  if (kind != nullptr && !value.ok()) return value.status();
  if (kind == nullptr || kind->is_good(*value)) {
    return absl::FailedPreconditionError(
        absl::StrCat("the record ", key,
                     " is not removed: only damaged records are, as `gitopsctl check` lists them"));
  }
  return value;
}

}  // namespace gitops
