#include "agent/activate/bus_messages.h"

#include <cstring>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/unit_verbs.h"

namespace gitops {
namespace {

absl::Status Unreadable(absl::string_view what, int error) {
  return absl::InternalError(
      absl::StrCat("systemd's ", what, " cannot be read: ", absl::string_view(strerror(-error))));
}

// Each reads one property's value; negative errno on failure.
int ReadText(sd_bus_message* m, std::string& text) {
  const char* value = nullptr;
  const int error = sd_bus_message_read(m, "v", "s", &value);
  if (error >= 0) text = value;
  return error;
}

int ReadHex(sd_bus_message* m, std::string& hex) {
  const void* bytes = nullptr;
  size_t size = 0;
  int error = sd_bus_message_enter_container(m, SD_BUS_TYPE_VARIANT, "ay");
  if (error >= 0) error = sd_bus_message_read_array(m, 'y', &bytes, &size);
  if (error < 0) return error;
  hex = absl::BytesToHexString(absl::string_view(static_cast<const char*>(bytes), size));
  return sd_bus_message_exit_container(m);
}

int ReadProperty(sd_bus_message* m, absl::string_view name, UnitProperties& unit) {
  static const auto* const texts = new std::map<absl::string_view, std::string UnitProperties::*>{
      {"Id", &UnitProperties::id},
      {"LoadState", &UnitProperties::load_state},
      {"ActiveState", &UnitProperties::active_state},
      {"SubState", &UnitProperties::sub_state},
      {"Result", &UnitProperties::result},
      {"Type", &UnitProperties::type},
      {"UnitFileState", &UnitProperties::unit_file_state}};
  if (auto text = texts->find(name); text != texts->end()) return ReadText(m, unit.*text->second);
  if (name == "InvocationID") return ReadHex(m, unit.invocation_id);
  if (name == "NRestarts") return sd_bus_message_read(m, "v", "u", &unit.restarts);
  if (name == "ExecMainCode") return sd_bus_message_read(m, "v", "i", &unit.main_code);
  if (name == "ExecMainStatus") return sd_bus_message_read(m, "v", "i", &unit.main_status);
  if (name == "NeedDaemonReload") {
    int flag = 0;  // D-Bus booleans are ints
    const int error = sd_bus_message_read(m, "v", "b", &flag);
    unit.need_daemon_reload = flag != 0;
    return error;
  }
  return sd_bus_message_skip(m, "v");
}

}  // namespace

absl::StatusOr<std::string> VerbMethod(absl::string_view verb) {
  if (const UnitVerb* found = FindUnitVerb(verb)) return std::string(found->method);
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", verb, "\" is not a systemd verb; known verbs: ", absl::StrJoin(UnitVerbNames(), ", ")));
}

absl::StatusOr<std::string> UnitPath(const std::string& unit) {
  char* path = nullptr;
  const int error = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path);
  if (error < 0) return Unreadable(absl::StrCat("path of unit ", unit), error);
  std::string result = path;
  free(path);
  return result;
}

absl::StatusOr<JobRemoved> ReadJobRemoved(sd_bus_message* signal) {
  uint32_t id = 0;
  const char* job = nullptr;
  const char* unit = nullptr;
  const char* result = nullptr;
  const int error = sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result);
  if (error < 0) return Unreadable("JobRemoved", error);
  return JobRemoved{job, result};
}

absl::StatusOr<std::string> ReadObjectPath(sd_bus_message* reply) {
  const char* path = nullptr;
  const int error = sd_bus_message_read(reply, "o", &path);
  if (error < 0) return Unreadable("job", error);
  return std::string(path);
}

absl::StatusOr<UnitProperties> ReadUnitProperties(sd_bus_message* reply) {
  UnitProperties unit;
  int error = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "{sv}");
  while (error >= 0) {
    error = sd_bus_message_enter_container(reply, SD_BUS_TYPE_DICT_ENTRY, "sv");
    if (error == 0) return unit;
    const char* name = nullptr;
    if (error > 0) error = sd_bus_message_read(reply, "s", &name);
    if (error > 0) error = ReadProperty(reply, name, unit);
    if (error >= 0) error = sd_bus_message_exit_container(reply);
  }
  return Unreadable("unit properties", error);
}

absl::StatusOr<UnitProperties> ReadUnitState(sd_bus_message* reply) {
  const char *id = nullptr, *load = nullptr, *active = nullptr, *sub = nullptr;
  int error = sd_bus_message_enter_container(reply, SD_BUS_TYPE_ARRAY, "(ssssssouso)");
  if (error >= 0) {
    error = sd_bus_message_read(reply, "(ssssssouso)", &id, nullptr, &load, &active, &sub, nullptr,
                                nullptr, nullptr, nullptr, nullptr);
  }
  if (error < 0) return Unreadable("unit state", error);
  if (error == 0) return absl::InternalError("systemd's unit state is empty");
  UnitProperties unit;
  unit.id = id;
  unit.load_state = load;
  unit.active_state = active;
  unit.sub_state = sub;
  return unit;
}

std::string ExplainJobResult(absl::string_view result) {
  if (result == "failed") return "the job failed";
  if (result == "timeout") return "the job exceeded the unit's time limit";
  if (result == "dependency") return "a unit that it depends on failed";
  if (result == "canceled") return "the job was canceled by another job (a stop or restart)";
  if (result == "invalid") {
    return "the verb does not fit the unit's state (only a running unit can be reloaded)";
  }
  if (result == "assert") return "an assertion of the unit does not hold";
  if (result == "unsupported") return "units of this kind are not supported on this host";
  if (result == "collected") return "the unit no longer exists";
  if (result == "once") return "the unit may be started only once, and has been started";
  return absl::StrCat("the job ended with \"", result, "\"");
}

}  // namespace gitops
