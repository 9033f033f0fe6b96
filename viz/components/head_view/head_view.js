export default function headView() {}
