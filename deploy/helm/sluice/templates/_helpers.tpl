{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "sluice.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sluice.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "sluice.serviceAccount" -}}
{{- default (ternary (include "sluice.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name }}
{{- end }}

{{- define "sluice.configMap" -}}
{{- default (include "sluice.fullname" .) .Values.existingConfigMap }}
{{- end }}

{{- define "sluice.adminSecret" -}}
{{- default (printf "%s-admin" (include "sluice.fullname" .)) .Values.admin.existingSecret }}
{{- end }}

{{- define "sluice.kind" -}}
{{- ternary "StatefulSet" "Deployment" .Values.persistence.enabled }}
{{- end }}

{{/* Whether there is ever more than one replica. */}}
{{- define "sluice.many" -}}
{{- $most := .Values.replicas }}
{{- if .Values.autoscaling.enabled }}{{ $most = .Values.autoscaling.maxReplicas }}{{ end }}
{{- if .Values.keda.enabled }}{{ $most = .Values.keda.maxReplicas }}{{ end }}
{{- if gt (int $most) 1 }}yes{{ end }}
{{- end }}

{{/* A file's path as the key of a ConfigMap, which has no slashes. */}}
{{- define "sluice.key" -}}
{{- . | replace "/" "__" }}
{{- end }}

{{/* routes.yaml. */}}
{{- define "sluice.config" -}}
{{- $admin := dict "host" "0.0.0.0" "port" (int .Values.admin.port) "token" "${env.SLUICE_ADMIN_TOKEN}" }}
{{- $chart := dict "admin" $admin "shutdown" (dict "drain" (printf "%ds" (int .Values.drainSeconds))) }}
{{- $own := dict "version" 1 "connections" .Values.connections "routes" .Values.routes }}
{{- toYaml (mergeOverwrite (dict) (deepCopy .Values.options) $chart $own) }}
{{- end }}

{{/* Whether a route keeps something in files: dedup and windows do by default. */}}
{{- define "sluice.keepsFiles" -}}
{{- range .Values.routes }}
{{- if and (hasKey . "dedup") (contains "file" (dig "dedup" "store" "file" . | toString)) }}yes{{ end }}
{{- range .transform }}
{{- if and (hasKey . "window") (contains "file" (dig "window" "store" "file" . | toString)) }}yes{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What would not work is refused here, where a schema cannot see it. */}}
{{- define "sluice.refuse" -}}
{{- if and .Values.autoscaling.enabled .Values.keda.enabled }}
{{- fail "autoscaling and keda exclude each other: enable one." }}
{{- end }}
{{- if and .Values.keda.enabled (not .Values.keda.prometheus) (not .Values.keda.triggers) }}
{{- fail "keda needs the address of a Prometheus (keda.prometheus) or triggers of its own (keda.triggers)." }}
{{- end }}
{{- if and .Values.existingConfigMap (or .Values.connections .Values.routes .Values.files) }}
{{- fail "existingConfigMap excludes connections, routes and files: say the configuration in one place." }}
{{- end }}
{{- if not (or .Values.existingConfigMap (and .Values.connections .Values.routes)) }}
{{- fail "nothing to carry: give connections and routes, or existingConfigMap." }}
{{- end }}
{{- end }}
