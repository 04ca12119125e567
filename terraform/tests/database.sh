#!/usr/bin/env bash
# Tests the database container's command with doubles of MongoDB's programs: it must create the users on loopback only and not on the
# port that it serves, serve with authentication only and without the passwords in its environment, and not serve if the users were
# not created. If node is installed, tests which users of the API it keeps.
set -euo pipefail

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

for program in mongod mongosh; do
  cat > "$work/$program" << 'EOF'
#!/usr/bin/env bash
arguments="$*"
echo "$(basename "$0") ${arguments%%$'\n'*} passwords=${ROOT_PASSWORD:-none},${API_PASSWORD:-none}" >> "$CALLS"
[[ "$(basename "$0")" != "${BROKEN:-}" ]]
EOF
  chmod +x "$work/$program"
done

run() {
  : > "$work/calls"
  env PATH="$work:$PATH" CALLS="$work/calls" PORT=27018 ROOT_PASSWORD=r00t API_USERNAME=api-v3 API_PASSWORD=ap1 BROKEN="${1:-}" \
    bash -c "$(cat "$(dirname "${BASH_SOURCE[0]}")/../modules/database/scripts/serve.sh")" > /dev/null 2>&1
}

run
diff "$work/calls" - << 'EOF'
mongod --dbpath /data/db --setParameter diagnosticDataCollectionEnabled=false --port 27016 --bind_ip 127.0.0.1 --fork --logpath /tmp/setup.log passwords=r00t,ap1
mongosh --quiet --port 27016 --eval  passwords=r00t,ap1
mongod --dbpath /data/db --setParameter diagnosticDataCollectionEnabled=false --shutdown passwords=r00t,ap1
mongod --dbpath /data/db --setParameter diagnosticDataCollectionEnabled=false --port 27018 --bind_ip_all --auth passwords=none,none
EOF

for broken in mongod mongosh; do
  if run "$broken"; then
    echo "It continues although $broken has failed."
    exit 1
  fi
  if grep -q -- --auth "$work/calls"; then
    echo "It serves although $broken has failed."
    exit 1
  fi
done

command -v node > /dev/null || exit 0

# Runs mongosh's script on the given users and prints the users afterwards.
users() {
  local script="$PWD/modules/database/scripts/serve.sh"
  sed -n "/--eval '/,/^'/p" "$script" | sed '1d;$d' > "$work/users.js"
  API_USERNAME="$1" API_PASSWORD=ap1 ROOT_PASSWORD=r00t node -e '
    const databases = { admin: {}, users: Object.fromEntries(process.argv[2].split(" ").filter(Boolean).map(name => [name, "old"])) };
    const db = {
      getSiblingDB: name => ({
        getUser: user => databases[name][user] ?? null,
        getUsers: () => ({ users: Object.keys(databases[name]).map(user => ({ user })) }),
        createUser: ({ user, pwd }) => { databases[name][user] = pwd; },
        updateUser: (user, { pwd }) => { databases[name][user] = pwd; },
        dropUser: user => { delete databases[name][user]; },
      }),
    };
    eval(require("fs").readFileSync(process.argv[1], "utf8"));
    console.log(Object.entries(databases.users).map(entry => entry.join("=")).sort().join(" ") + " " + databases.admin.root);
  ' "$work/users.js" "$2"
}

expect() {
  local found
  found="$(users "$1" "$2")"
  if [[ "$found" != "$3" ]]; then
    echo "With $1, the users '$2' became '$found' instead of '$3'."
    exit 1
  fi
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
expect api-v1 "" "api-v1=ap1 r00t"
expect api-v1 "api-v1" "api-v1=ap1 r00t"
expect api-v2 "api-v1" "api-v1=old api-v2=ap1 r00t"
expect api-v3 "api-v1 api-v2 somebody" "api-v2=old api-v3=ap1 somebody=old r00t"
expect api-v12 "api-v9 api-v10 api" "api-v10=old api-v12=ap1 r00t"
# After a rollback to the previous revision the newer user stays, for tasks that already have its password.
expect api-v2 "api-v2 api-v3" "api-v2=ap1 api-v3=old r00t"
# Users without versions, from earlier deployments.
expect api "" "api=ap1 r00t"
expect api-v2 "api" "api-v2=ap1 api=old r00t"
