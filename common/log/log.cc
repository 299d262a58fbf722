#include "common/log/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/log/format.h"
#include "common/log/log_ring.h"

namespace gitops {
namespace {

std::atomic<bool> json = false;

// Never destroyed: threads may still log while the process ends.
spdlog::logger& Logger() {
  static spdlog::logger* const logger = [] {
    auto* made = new spdlog::logger("gitops", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    return made;
  }();
  return *logger;
}

// Never destroyed, as the logger.
LogRing& Ring() {
  static LogRing* const ring = new LogRing(/*max_lines=*/2000, /*max_bytes=*/1 << 20);
  return *ring;
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

absl::StatusOr<LogLevel> ParseLevel(absl::string_view name) {
  constexpr std::array<std::pair<absl::string_view, LogLevel>, 4> kLevels = {{
      {"debug", LogLevel::kDebug},
      {"info", LogLevel::kInfo},
      {"warning", LogLevel::kWarning},
      {"error", LogLevel::kError},
  }};
  for (const auto& [known, level] : kLevels) {
    if (name == known) return level;
  }
  return absl::InvalidArgumentError(absl::StrCat("the log level is \"", absl::CHexEscape(name),
                                                 "\"; it must be debug, info, warning or error"));
}

}  // namespace

absl::Status ConfigureLog(absl::string_view format, absl::string_view level) {
  if (format != "text" && format != "json") {
    return absl::InvalidArgumentError(absl::StrCat("the log format is \"", absl::CHexEscape(format),
                                                   "\"; it must be text or json"));
  }
  const absl::StatusOr<LogLevel> parsed = ParseLevel(level);
  if (!parsed.ok()) return parsed.status();
  json = format == "json";
  Logger().set_level(ToSpdlog(*parsed));
  return absl::OkStatus();
}

void Log(LogLevel level, absl::string_view message, std::initializer_list<LogField> fields) {
  if (!Logger().should_log(ToSpdlog(level))) return;
  const auto format = json ? FormatJsonLine : FormatTextLine;
  std::string line = format(absl::Now(), level, message, fields);
  Logger().log(ToSpdlog(level), spdlog::string_view_t(line.data(), line.size()));
  Ring().Add(std::move(line));
}

std::vector<std::string> RecentLogLines() { return Ring().Lines(); }

}  // namespace gitops
