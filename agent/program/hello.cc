#include "agent/program/hello.h"

#include <memory>

#include "agent/rpc/convert.h"
#include "common/clock/boot_id.h"
#include "common/clock/timestamp.h"
#include "common/server/version.h"

namespace gitops {

v1::Hello MakeHello(const ConfigInForce &config, const HostAgent &host,
                    const std::string &advertised, absl::Time start_time) {
  v1::Hello hello;
  const std::shared_ptr<const AgentConfig> read = config.Get();
  const HostNames &names = read->host;
  if (names.certain) {
    hello.set_name(names.name);
    hello.add_names(names.name);
  }
  for (const std::string &alias : names.aliases) {
    if (alias != names.name || !names.certain) hello.add_names(alias);
  }
  *hello.mutable_config() = config.Status();
  hello.set_address(advertised);
  hello.set_version(std::string(Version()));
  hello.set_boot_id(ReadBootId(read->settings.Get("boot-id-file")).value_or(""));
  *hello.mutable_start_time() = ToTimestamp(start_time);
  for (const auto &controller : host.All()) {
    *hello.add_services() = ToProto(controller->spec(), controller->View());
  }
  return hello;
}

}  // namespace gitops
