#include "common/audit/open_audit.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gitops {
namespace {

prometheus::MetricFamily Family(const char* name, const char* help, prometheus::MetricType type,
                                int64_t value) {
  prometheus::MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = type;
  prometheus::ClientMetric& metric = family.metric.emplace_back();
  (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) =
      static_cast<double>(value);
  return family;
}

std::vector<prometheus::MetricFamily> Families(const AuditLog::Condition& now) {
  using Type = prometheus::MetricType;
  std::vector<prometheus::MetricFamily> families = {
      Family("gitops_audit_entries",
             "Entries that the audit has had, by the hash of the last one: a chain that was cut "
             "has fewer than before.",
             Type::Gauge, now.head.count()),
      Family("gitops_audit_refused_calls_total", "Refused calls that the audit counted.",
             Type::Counter, now.refused),
      Family("gitops_audit_unstored_entries",
             "Entries that wait for the store, which cannot be written.", Type::Gauge,
             now.unstored),
      Family("gitops_audit_unsent_entries", "Entries that wait for --audit-to.", Type::Gauge,
             now.unsent)};
  families.front().metric.front().label = {{"chain", now.head.chain()}, {"hash", now.head.hash()}};
  return families;
}

}  // namespace

absl::StatusOr<std::shared_ptr<AuditLog>> OpenAudit(const Settings& settings,
                                                    const std::string& program) {
  std::unique_ptr<AuditSink> sink;
  if (const std::string& to = settings.Get("audit-to"); !to.empty()) {
    absl::StatusOr<std::unique_ptr<AuditSink>> made = MakeAuditSink(to, program);
    if (!made.ok()) return made.status();
    sink = *std::move(made);
  }
  if (settings.Get("state-dir").empty()) return nullptr;
  AuditStorageOptions storage;
  storage.file = absl::StrCat(settings.Get("state-dir"), "/", absl::StripPrefix(program, "gitops-"),
                              "-audit.db");
  storage.tls_dir = settings.Get("tls-dir");
  storage.keep = settings.GetDuration("audit-keep");
  storage.most_bytes = settings.GetInt("audit-size") << 20;
  return std::make_shared<AuditLog>(std::move(storage), std::move(sink));
}

void ShowAudit(Metrics& metrics, const std::shared_ptr<AuditLog>& log) {
  metrics.AddCollector([weak = std::weak_ptr<AuditLog>(log)] {
    const std::shared_ptr<AuditLog> open = weak.lock();
    return open == nullptr ? std::vector<prometheus::MetricFamily>() : Families(open->condition());
  });
}

}  // namespace gitops
