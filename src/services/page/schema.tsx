import { FormComponent, IFormComponentProps } from '@jupyterlab/ui-components';
import * as React from 'react';

type Validator = IFormComponentProps['validator'];

/** A form for the input that a service says it takes. */
export default function SchemaForm(props: {
  schema: Record<string, unknown>;
  data: unknown;
  change: (data: unknown) => void;
}): React.JSX.Element {
  const [validator, setValidator] = React.useState<Validator | undefined>();
  React.useEffect(() => {
    let wanted = true;
    void import('@rjsf/validator-ajv8').then(({ default: found }) => {
      if (wanted) {
        setValidator(found as Validator);
      }
    });
    return () => {
      wanted = false;
    };
  }, []);
  return (
    <div className="jp-OscarCall-form">
      {validator && (
        <FormComponent
          schema={props.schema}
          formData={props.data as never}
          validator={validator}
          liveValidate
          tagName="div"
          onChange={event => {
            props.change(event.formData);
          }}
        />
      )}
    </div>
  );
}
